package io.rolewright.credential;

import io.rolewright.password.ScramSecret;
import io.rolewright.sealing.SealedField;
import io.rolewright.sealing.Sealer;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.UUID;

/**
 * Puts a password into a version and takes it out again. Role id and role name are sealed with it: whoever can write the store cannot
 * make us apply one role's secret to another role. Synchronous: it costs microseconds.
 */
@ApplicationScoped
class VersionSeal {

    /** Of the encoding below; a stored version keeps the one it was written with. */
    private static final int FORMAT = 1;

    private final Sealer sealer;

    VersionSeal(Sealer sealer) {
        this.sealer = sealer;
    }

    /** What a version holds, for the length of one call. */
    record Opened(String password, ScramSecret secret) {
        @Override
        public String toString() {
            return "Opened";
        }
    }

    /** @param number of the version; part of the seal */
    byte[] seal(UUID versionId, long number, UUID roleId, String roleName, Opened opened) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(FORMAT);
            out.writeLong(roleId.getMostSignificantBits());
            out.writeLong(roleId.getLeastSignificantBits());
            write(out, roleName);
            write(out, opened.password());
            write(out, opened.secret().text());
        } catch (IOException impossible) { // it is memory
            throw new UncheckedIOException(impossible);
        }
        byte[] plain = bytes.toByteArray();
        try {
            return sealer.seal(SealedField.PASSWORD_VERSION, versionId, number, plain);
        } finally {
            Arrays.fill(plain, (byte) 0);
        }
    }

    Opened open(PasswordVersion version, ManagedRole role) {
        return open(new Passwords.Sealed(role.id, role.roleName, version.id, version.number, version.sealed));
    }

    Opened open(Passwords.Sealed version) {
        byte[] plain =
                sealer.open(SealedField.PASSWORD_VERSION, version.versionId(), version.number(), version.sealed());
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(plain))) {
            int format = in.readUnsignedByte();
            if (format != FORMAT) {
                throw new IllegalStateException("a password of format " + format + " is not known to this build");
            }
            UUID roleId = new UUID(in.readLong(), in.readLong());
            String roleName = read(in);
            if (!roleId.equals(version.roleId()) || !roleName.equals(version.roleName())) {
                throw new IllegalStateException("password version " + version.versionId()
                        + " belongs to another role than " + version.roleId() + ": the store was tampered with");
            }
            return new Opened(read(in), ScramSecret.of(read(in)));
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        } finally {
            Arrays.fill(plain, (byte) 0);
        }
    }

    private static void write(DataOutputStream out, String text) throws IOException {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(utf8.length);
        out.write(utf8);
    }

    private static String read(DataInputStream in) throws IOException {
        return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
    }
}
