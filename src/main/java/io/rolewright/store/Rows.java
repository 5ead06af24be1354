package io.rolewright.store;

import io.smallrye.mutiny.Uni;
import org.hibernate.Hibernate;
import org.hibernate.reactive.mutiny.Mutiny;

/**
 * Deletes rows by statements. Hibernate Reactive's own way keeps the delete that is under way in one field for all sessions of the
 * process (its issue 1713): of two that meet, one never ends and the other goes on on the wrong thread.
 */
public final class Rows {

    private Rows() {}

    /**
     * Deletes one row in the running transaction, after all that the session has not written yet: what refers to the row is written
     * while it is there. The object is no longer part of the session then, so later changes of it are not written.
     *
     * @param row of the session, best locked before
     * @param where names the row as it was read, such as {@code id = ?1 and version = ?2}, in HQL
     * @return false if there is no such row any more
     */
    public static Uni<Boolean> delete(Mutiny.Session session, Object row, String where, Object... values) {
        String entity = Hibernate.getClass(row).getSimpleName();
        return session.flush()
                .invoke(() -> session.detach(row))
                .chain(() -> {
                    Mutiny.MutationQuery delete =
                            session.createMutationQuery("delete from " + entity + " where " + where);
                    for (int i = 0; i < values.length; i++) {
                        delete.setParameter(i + 1, values[i]);
                    }
                    return delete.executeUpdate();
                })
                .map(deleted -> deleted == 1);
    }
}
