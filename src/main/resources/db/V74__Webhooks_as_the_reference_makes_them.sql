-- Webhooks that were made by the reference's body: they are about the secrets at one place of a project, and get the reference's message
-- and signature. NULL for ours. The build before tells them nothing: it knows no fact by the names of their events.
ALTER TABLE webhook ADD COLUMN environment_id uuid REFERENCES environment (id) ON DELETE CASCADE;
-- as it was asked for: it may end with /* or /**
ALTER TABLE webhook ADD COLUMN secret_path text;
CREATE INDEX webhook_environment ON webhook (environment_id) WHERE environment_id IS NOT NULL;
