package io.rolewright.connection;

import io.rolewright.audit.Changes;
import io.rolewright.target.Login;
import io.rolewright.target.SslMode;
import io.rolewright.target.TlsSettings;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Where a connection leads and how it logs in. All of it is sealed, not the password alone: whoever can write the store
 * must not be able to send a login elsewhere.
 *
 * @param host as the caller gave it, brackets of an IPv6 literal included
 * @param caPem CA certificates to trust instead of the system's; null when none were given
 * @param clientCertificatePem, clientKeyPem both or neither
 * @param verifies whether the server's certificate is looked at, as the mode says; without TLS what was sent, which is only answered again
 */
record Credentials(
        String host,
        int port,
        String database,
        String username,
        String password,
        SslMode sslMode,
        String caPem,
        String clientCertificatePem,
        String clientKeyPem,
        boolean verifies) {

    Credentials {
        verifies = sslMode == SslMode.DISABLE ? verifies : sslMode != SslMode.REQUIRE;
    }

    /** Of the encoding below; a stored record keeps the one it was written with. */
    private static final int FORMAT = 1;

    Login login() {
        return new Login(
                host,
                port,
                database,
                username,
                new TlsSettings(sslMode, caPem, clientCertificatePem, clientKeyPem),
                password);
    }

    /** Says which of them are others after a change, by the names that requests have them under. */
    void changed(Credentials after, Changes changes) {
        changes.put("credentials.host", host, after.host)
                .put("credentials.port", port, after.port)
                .put("credentials.database", database, after.database)
                .put("credentials.username", username, after.username)
                .put("credentials.password", password, after.password)
                .put("credentials.sslMode", sslMode, after.sslMode)
                .put("credentials.sslCertificate", caPem, after.caPem)
                .put("credentials.sslClientCertificate", clientCertificatePem, after.clientCertificatePem)
                .put("credentials.sslClientKey", clientKeyPem, after.clientKeyPem);
    }

    /** Where the password is kept elsewhere. */
    Credentials withoutPassword() {
        return with("");
    }

    Credentials with(String otherPassword) {
        return new Credentials(
                host,
                port,
                database,
                username,
                otherPassword,
                sslMode,
                caPem,
                clientCertificatePem,
                clientKeyPem,
                verifies);
    }

    /** Whether both are the same but for the password, and for what is only answered again. */
    boolean leadsWhere(Credentials other) {
        return toBeCompared().equals(other.toBeCompared());
    }

    private Credentials toBeCompared() {
        return new Credentials(
                host, port, database, username, "", sslMode, caPem, clientCertificatePem, clientKeyPem, true);
    }

    /**
     * The canonical bytes: what is sealed, and what {@code credentialsHash} is computed over. Every field carries its
     * length, so that no two different credentials have the same bytes.
     */
    byte[] encode() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(FORMAT);
            write(out, host);
            out.writeInt(port);
            write(out, database);
            write(out, username);
            write(out, password);
            write(out, sslMode.wireName());
            write(out, caPem);
            write(out, clientCertificatePem);
            write(out, clientKeyPem);
            if (sslMode == SslMode.DISABLE && !verifies) { // the build before reads what is in front of it
                out.writeBoolean(verifies);
            }
        } catch (IOException impossible) { // it is memory
            throw new UncheckedIOException(impossible);
        }
        return bytes.toByteArray();
    }

    static Credentials decode(byte[] bytes) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            int format = in.readUnsignedByte();
            if (format != FORMAT) {
                throw new IllegalStateException("credentials of format " + format + " are not known to this build");
            }
            String host = read(in);
            int port = in.readInt();
            return new Credentials(
                    host,
                    port,
                    read(in),
                    read(in),
                    read(in),
                    SslMode.ofWireName(read(in)).orElseThrow(),
                    read(in),
                    read(in),
                    read(in),
                    in.available() == 0 || in.readBoolean());
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        } finally {
            Arrays.fill(bytes, (byte) 0);
        }
    }

    private static void write(DataOutputStream out, String text) throws IOException {
        if (text == null) {
            out.writeInt(-1);
            return;
        }
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(utf8.length);
        out.write(utf8);
    }

    private static String read(DataInputStream in) throws IOException {
        int length = in.readInt();
        return length < 0 ? null : new String(in.readNBytes(length), StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        return "Credentials[" + username + "@" + host + ":" + port + "/" + database + ", " + sslMode + "]";
    }
}
