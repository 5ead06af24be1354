package io.rolewright.problem;

import static org.assertj.core.api.Assertions.assertThat;

import io.rolewright.operations.TroubleWords;
import io.rolewright.rotation.VaultFault;
import io.rolewright.target.Refusal;
import io.rolewright.target.Unreachability;
import io.rolewright.testing.MadePage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/errors.md} is made of {@link ErrorCode}, {@link VaultFault} and what is said of troubles. */
class ErrorCodesTest {

    private static final String HEAD = """
            # Error codes

            Every answer that is not a success has one shape: `reqId` (the request's id, also in the header `X-Request-Id`), `statusCode`,
            `message` (for people; its wording may change), `error` (the kind of error, by the reference's names), `code`, and `details` where
            there is something to act on. **Programs decide by `code`.** A code has one status, here and in every operation. Codes are never
            renamed within a version that is supported; new ones may be added, so treat an unknown code by its status.

            `Retry-After` is set where waiting helps. A 422 has a list as its `message`: one issue per field, with the `path` to it.

            Send your own `X-Request-Id` (a letter or digit, then up to 127 of letters, digits and `._:-`; not one that begins with `req-` or
            `due-`) and it is the request's id: in the answer, the audit, the attempts and the log. With a W3C `traceparent` (level 1) the log
            has `traceId` and `spanId`, the answer `traceresponse`, and the id is `<trace id>-<span id>` unless you send one. What is malformed
            is ignored. Work that nobody asked for has an id that begins with `due-`.

            Codes about a server and its roles are also the `code` in `details.problems` of a refusal, in a preflight
            and in a connection's test; what they say of one role stands beside them, with the SQL statement that helps.

            This page is made of `ErrorCode` in the package `problem` and held against it by `ErrorCodesTest`.

            | code | status | meaning | next step |
            |---|---|---|---|
            """;

    private static final String VAULT = """

            ## Vault

            Why a credential is not in Vault, or is there with a reservation: `vaultKv.lastFailure` and `vaultKv.warning` of a rotation, and `code` of a
            trouble about what is lost in Vault, or about a Vault that stands still. No request is answered with these. They are made of `VaultFault` in the package `rotation`.

            | code | meaning | next step |
            |---|---|---|
            """;

    private static final String TROUBLES = """

            ## Troubles

            Why something stands in `GET /api/v1/troubles`, where no request is answered with the code, or a trouble of that code asks for another step than an
            answer. A trouble may have any other code of this page too. They are made of `TroubleCause` in the package `operations`.

            | code | meaning | next step |
            |---|---|---|
            """;

    @Test
    void thePageSaysWhatTheCodeDoes() {
        MadePage.assertIs(
                "errors.md",
                HEAD
                        + Arrays.stream(ErrorCode.values())
                                .sorted(Comparator.comparing(ErrorCode::code))
                                .map(code -> "| `%s` | %d | %s | %s |\n"
                                        .formatted(code.code(), code.status(), cell(code.meaning()), cell(code.next())))
                                .collect(Collectors.joining())
                        + VAULT
                        + Arrays.stream(VaultFault.values())
                                .sorted(Comparator.comparing(VaultFault::code))
                                .map(fault -> "| `%s` | %s | %s |\n"
                                        .formatted(fault.code(), cell(fault.meaning()), cell(fault.next())))
                                .collect(Collectors.joining())
                        + TROUBLES
                        + TroubleWords.all()
                                .map(trouble -> "| `%s` | %s | %s |\n"
                                        .formatted(trouble.code(), cell(trouble.meaning()), cell(trouble.next())))
                                .collect(Collectors.joining()));
    }

    private static String cell(String text) {
        return text.replace("|", "\\|");
    }

    @Test
    void meaningAndNextStepAreSentences() {
        for (ErrorCode code : ErrorCode.values()) {
            assertThat(code.status()).as(code.code()).isBetween(400, 599);
            assertThat(code.meaning()).as(code.code()).matches("[A-Za-z].*\\.");
            assertThat(code.next()).as(code.code()).matches("[A-Za-z].*\\.");
        }
        for (VaultFault fault : VaultFault.values()) {
            assertThat(fault.meaning()).as(fault.code()).matches("[A-Za-z].*\\.");
            assertThat(fault.next()).as(fault.code()).matches("[A-Za-z].*\\.");
        }
    }

    @Test
    void whateverAServerAnswersHasACodeOfItsOwn() {
        Stream.concat(Arrays.stream(Refusal.values()), Arrays.stream(Unreachability.values()))
                .map(reason -> ((Enum<?>) reason).name().toLowerCase(Locale.ROOT))
                .forEach(reason -> assertThat(ErrorCode.ofReason(reason))
                        .as(reason)
                        .isNotEqualTo(ErrorCode.SERVER_REFUSED)
                        .extracting(ErrorCode::status)
                        .isEqualTo(400));
    }

    /** Else a page shows the API's words. {@code .ci/steps/javascript} looks at what it says. */
    @Test
    void theConsoleHasAHeadingForEachCodeThatAPageCanMeet() throws IOException {
        String console = Files.readString(Path.of("src/main/resources/web/app/codes.js"));
        String notMet = Files.readString(Path.of("src/test/javascript/states.test.js"));
        assertThat(Arrays.stream(ErrorCode.values()).map(ErrorCode::code))
                .as("give it a heading in codes.js, or name it in NOT_MET of states.test.js")
                .allMatch(code -> console.contains("\n  " + code + ": [")
                        || notMet.matches("(?s).*NOT_MET = new Set\\([^)]*\\b" + code + "\\b.*"));
    }

    /** Of the service itself {@code not_ready} is a 503. */
    @Test
    void aServerThatIsNotReadyIsNotThisServiceThatIsNot() {
        assertThat(ErrorCode.ofReason("not_ready")).isEqualTo(ErrorCode.SERVER_NOT_READY);
        assertThat(ErrorCode.ofReason("something new")).isEqualTo(ErrorCode.SERVER_REFUSED);
    }
}
