package io.rolewright.target;

/** How a server asks a role to show who it is: the first word of a login, before anything is sent that the server could judge. */
public enum PasswordRule {
    /** The only one by which a password of ours is proven: the server shows that it knows the password, and never learns it. */
    SCRAM,
    /** The role's secret is stored as MD5. Once it has a SCRAM secret, the same rule asks for SCRAM. */
    MD5,
    /** {@code password}, {@code ldap}, {@code pam} or {@code radius}, which are one message on the wire. */
    CLEARTEXT,
    /** {@code trust}, or {@code cert} and {@code peer}: a new password would change nothing there, and no login can prove it. */
    NOT_ASKED,
    /** GSSAPI, SSPI, OAuth: the password that the server keeps for the role is not what it asks for. */
    ANOTHER_MECHANISM,
    /** No rule lets the role in from here, a rule rejects it, or it is not who the rule demands ({@code ident}, {@code cert}). */
    REFUSED,
    /** Nobody answered, or the server had no session left to ask in. */
    UNKNOWN;

    /** Whether a login can show that the role has the SCRAM secret that we gave it. */
    public boolean proves() {
        return this == SCRAM || this == MD5;
    }
}
