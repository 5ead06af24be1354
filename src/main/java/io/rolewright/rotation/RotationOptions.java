package io.rolewright.rotation;

import io.rolewright.rotation.RotationWire.SecretsMapping;
import java.util.List;
import java.util.regex.Pattern;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What kinds of rotations there are, and what a form may be filled with. */
@Schema(name = "SecretRotationOptionListResponse")
record RotationOptions(List<Option> secretRotationOptions) {

    /** The only statement there is. What is really sent is ALTER ROLE with a SCRAM secret, fenced; never a password. */
    static final String STATEMENT = "ALTER USER \"{{username}}\" WITH PASSWORD '{{password}}';";

    /** The default, however it is spaced, quoted and ended. */
    private static final Pattern DEFAULT = Pattern.compile(
            "\\s*ALTER\\s+(USER|ROLE)\\s+(\"\\{\\{\\s*username\\s*}}\"|\\{\\{\\s*username\\s*}})"
                    + "\\s+(WITH\\s+)?(ENCRYPTED\\s+)?PASSWORD\\s+'\\{\\{\\s*password\\s*}}'\\s*;?\\s*",
            Pattern.CASE_INSENSITIVE);

    static final RotationOptions ALL = new RotationOptions(List.of(new Option(
            "PostgreSQL Credentials",
            RotationWire.APP,
            RotationWire.TYPE,
            new Template("""
                    -- two roles with the same rights, for the rotation alone
                    CREATE ROLE app_a LOGIN;
                    CREATE ROLE app_b LOGIN;
                    GRANT CONNECT ON DATABASE app TO app_a, app_b;

                    -- from PostgreSQL 16 on, what the connection's role needs for each of them
                    GRANT app_a, app_b TO rotator WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
                    """, STATEMENT, new SecretsMapping("POSTGRES_DB_USERNAME", "POSTGRES_DB_PASSWORD", null)))));

    static boolean isDefault(String rotationStatement) {
        return rotationStatement == null || DEFAULT.matcher(rotationStatement).matches();
    }

    @Schema(name = "SecretRotationOption")
    record Option(
            @Schema(examples = "PostgreSQL Credentials") String name,

            @Schema(description = "The app of the connections it works with.", examples = RotationWire.APP)
            String connection,

            @Schema(examples = RotationWire.TYPE) String type,
            Template template) {}

    @Schema(name = "SecretRotationTemplate")
    record Template(String createUserStatement, String rotationStatement, SecretsMapping secretsMapping) {}
}
