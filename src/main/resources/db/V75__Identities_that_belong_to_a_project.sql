-- An identity that one project has to itself: its administrators make and delete it, and it has roles there only. NULL for the
-- organisation's, as all were before. The build before takes such an identity for one of the organisation's without roles there.
ALTER TABLE identity ADD COLUMN project_id uuid REFERENCES project (id);
CREATE INDEX identity_of_project ON identity (project_id, name, id) WHERE project_id IS NOT NULL;
