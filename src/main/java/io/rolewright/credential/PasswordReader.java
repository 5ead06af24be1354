package io.rolewright.credential;

/** Makes something of an opened password at once: an answer, a login. It must not keep it. */
@FunctionalInterface
public interface PasswordReader<T> {

    /** @param number of the version */
    T read(String roleName, String password, long number);
}
