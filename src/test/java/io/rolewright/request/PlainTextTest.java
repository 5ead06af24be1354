package io.rolewright.request;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlainTextTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "two\nlines",
                "a\tb",
                "nul\0",
                "\u0085 next line",
                "zero\u200Bwidth",
                "right\u202Eto left",
                "isolate\u2066",
                "line\u2028separator",
                "paragraph\u2029separator",
                "\uFEFF mark",
                "soft\u00ADhyphen",
                "tag\uDB40\uDC41"
            })
    void hasNoCharacterThatDoesNotShow(String text) {
        assertThat(text).doesNotMatch("(?s)" + PlainText.ANY);
        assertThat(text).doesNotMatch("(?s)" + PlainText.SOME);
    }

    @ParameterizedTest
    @ValueSource(strings = {"orders", "Übung 2, Straße", "日本語", "заказы", "נתונים", "🚀 rocket", "a - b_c (d)"})
    void isWhatPeopleWrite(String text) {
        assertThat(text).matches(PlainText.ANY).matches(PlainText.SOME);
    }

    @Test
    void mayBeRequiredNotToBeBlank() {
        assertThat("   ").matches(PlainText.ANY).doesNotMatch(PlainText.SOME);
        assertThat("").matches(PlainText.ANY).doesNotMatch(PlainText.SOME);
    }

    /** The document's pattern names ranges, which a newer Unicode may have more of than this Java runtime knows. */
    @Test
    void isTheSameInTheDocument() {
        var here = Pattern.compile("[" + PlainText.NOT + "]");
        var there = Pattern.compile("[" + PlainText.NOT_IN_DOCUMENT + "]");
        for (char each = 0; each < Character.MAX_VALUE; each++) {
            boolean refused = here.matcher(String.valueOf(each)).matches();
            if (Character.getType(each) != Character.UNASSIGNED) {
                assertThat(there.matcher(String.valueOf(each)).matches())
                        .as("U+%04X", (int) each)
                        .isEqualTo(refused);
            }
        }
    }
}
