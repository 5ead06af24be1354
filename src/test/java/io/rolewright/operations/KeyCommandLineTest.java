package io.rolewright.operations;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class KeyCommandLineTest {

    @Test
    void takesTheCommandAfterABlankOrAnEqualsSign() {
        assertThat(KeyCommandLine.word(new String[] {"--command", "rewrap"})).contains("rewrap");
        assertThat(KeyCommandLine.word(new String[] {"--other", "--command=re-encrypt"}))
                .contains("re-encrypt");
    }

    @Test
    void aStartWithoutItServes() {
        assertThat(KeyCommandLine.word(new String[] {})).isEmpty();
        assertThat(KeyCommandLine.word(new String[] {"--migrate"})).isEmpty();
    }

    @Test
    void nothingBehindItIsNoCommand() {
        assertThat(KeyCommandLine.word(new String[] {"--command"})).contains("");
    }
}
