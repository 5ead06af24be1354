package io.rolewright.password;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.rolewright.testing.TestPostgres;
import io.vertx.core.Vertx;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.concurrent.CompletableFuture;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScramSecretTest {

    // RFC 7677 §3: user "user", password "pencil".
    private static final byte[] RFC_SALT = Base64.getDecoder().decode("W22ZaJ0SNY7soEsUEjb6gQ==");
    private static final String RFC_AUTH_MESSAGE = "n=user,r=rOprNGfwEbeRWgbNEkqO,"
            + "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
            + "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    private static final String RFC_CLIENT_PROOF = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    private static final String RFC_SERVER_SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    @Test
    void agreesWithTheExampleOfRfc7677() throws GeneralSecurityException {
        String[] keys = ScramSecret.derive("pencil", RFC_SALT, 4096)
                .text()
                .split("\\$")[2]
                .split(":");
        byte[] storedKey = Base64.getDecoder().decode(keys[0]);
        byte[] serverKey = Base64.getDecoder().decode(keys[1]);

        // ServerSignature := HMAC(ServerKey, AuthMessage)
        assertThat(hmac(serverKey, RFC_AUTH_MESSAGE))
                .isEqualTo(Base64.getDecoder().decode(RFC_SERVER_SIGNATURE));
        // ClientProof := ClientKey XOR HMAC(StoredKey, AuthMessage), and H(ClientKey) = StoredKey
        byte[] clientKey = hmac(storedKey, RFC_AUTH_MESSAGE);
        byte[] proof = Base64.getDecoder().decode(RFC_CLIENT_PROOF);
        for (int i = 0; i < clientKey.length; i++) {
            clientKey[i] ^= proof[i];
        }
        assertThat(MessageDigest.getInstance("SHA-256").digest(clientKey)).isEqualTo(storedKey);
    }

    private static byte[] hmac(byte[] key, String message) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(message.getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    void isPinnedToItsForm() {
        assertThat(ScramSecret.derive("pencil", RFC_SALT, 4096).text())
                .isEqualTo("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
                        + ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    }

    @ParameterizedTest
    @MethodSource("io.rolewright.testing.TestPostgres#versions")
    void isKeptVerbatimByPostgresqlAndOpensTheDoor(int major) {
        TestPostgres server = TestPostgres.shared(major);
        TestPostgres.Login role = server.role("LOGIN");
        for (int iterations : new int[] {4096, 1, 20000}) {
            String password = new PasswordGenerator(new SecureRandom()).generate(PasswordPolicy.ROLES);
            String secret =
                    ScramSecret.derive(password, iterations, new SecureRandom()).text();

            server.sql("ALTER ROLE " + role.role() + " PASSWORD '" + secret + "'");

            assertThat(server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = '" + role.role() + "'")
                            .get(0)
                            .getString(0))
                    .isEqualTo(secret);
            assertThat(server.login(role.role(), password)).isEqualTo("ok");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"p", "\n", " ", "\nX", "secret"})
    void refusesWhatPostgresqlWouldTakeForAPasswordInClear(String damage) {
        String good = ScramSecret.derive("pencil", RFC_SALT, 4096).text();

        for (String bad : new String[] {
            good + damage, damage + good, good.replace("$4096", "$" + damage), good.replace("W22Z", damage), damage
        }) {
            assertThatThrownBy(() -> ScramSecret.of(bad))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageNotContaining(good.substring(20));
        }
        assertThat(ScramSecret.of(good)).isEqualTo(ScramSecret.derive("pencil", RFC_SALT, 4096));
    }

    @Test
    void hidesItself() {
        assertThat(ScramSecret.derive("pencil", RFC_SALT, 4096)).hasToString("ScramSecret[SCRAM-SHA-256]");
    }

    @Test
    void refusesToBlockAnEventLoop() {
        Vertx vertx = Vertx.vertx();
        try {
            CompletableFuture<Object> answer = new CompletableFuture<>();
            vertx.runOnContext(unused -> {
                try {
                    answer.complete(ScramSecret.derive("pencil", RFC_SALT, 4096));
                } catch (IllegalStateException refused) {
                    answer.complete(refused);
                }
            });
            assertThat(answer.join()).isInstanceOf(IllegalStateException.class);
        } finally {
            vertx.close();
        }
    }
}
