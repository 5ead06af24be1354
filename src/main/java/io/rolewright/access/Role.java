package io.rolewright.access;

/** What an identity may do; stored by its lower-case name. */
public enum Role {
    /** Everything, in the organisation and in every project. */
    ADMIN {
        @Override
        boolean allows(Right right) {
            return true;
        }
    };

    abstract boolean allows(Right right);

    String storedName() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }

    /** @throws IllegalArgumentException for a name that this build does not know */
    static Role of(String storedName) {
        return valueOf(storedName.toUpperCase(java.util.Locale.ROOT));
    }
}
