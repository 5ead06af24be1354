package io.rolewright.credential;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.rolewright.password.PasswordPolicy;
import io.rolewright.problem.ValidationProblem;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What generated passwords must look like, as the wire has it; kinds that are not required do not occur. */
@RegisterForReflection
@JsonInclude(JsonInclude.Include.NON_NULL)
@Schema(
        name = "PasswordRequirements",
        requiredProperties = {"length", "required"})
public record PasswordRequirements(
        @NotNull(message = "Required")
        @Min(value = 1, message = "Must be between 1 and 250")
        @Max(value = PasswordPolicy.MAXIMUM_LENGTH, message = "Must be between 1 and 250")
        @Schema(
                description =
                        "Of a password. Requirements that make passwords of less than 72 bits are refused (or of what the"
                                + " operator has set), and the answer says which length would do: 13 with letters and digits, 22 with digits"
                                + " alone.",
                examples = "48")
        Integer length,

        @NotNull(message = "Required") @Valid Required required,

        @Size(max = 100, message = "Must have at most 100 characters")
        @Schema(
                description = "Printable ASCII that is no letter, digit or space; -_.~!* when absent.",
                nullable = true,
                examples = "-_.~!*")
        String allowedSymbols) {

    /** At least so many of each kind; absent means none. */
    @RegisterForReflection
    @Schema(name = "RequiredCharacters")
    public record Required(
            @Min(value = 0, message = "Must not be negative") @Schema(defaultValue = "0", examples = "1")
            Integer digits,

            @Min(value = 0, message = "Must not be negative") @Schema(defaultValue = "0", examples = "1")
            Integer lowercase,

            @Min(value = 0, message = "Must not be negative") @Schema(defaultValue = "0", examples = "1")
            Integer uppercase,

            @Min(value = 0, message = "Must not be negative") @Schema(defaultValue = "0", examples = "0")
            Integer symbols) {

        public Required {
            digits = orNone(digits);
            lowercase = orNone(lowercase);
            uppercase = orNone(uppercase);
            symbols = orNone(symbols);
        }

        private static Integer orNone(Integer count) {
            return count == null ? Integer.valueOf(0) : count;
        }
    }

    /** @throws ValidationProblem for what no password can meet, or for symbols that we do not know */
    PasswordPolicy policy() {
        String symbols = allowedSymbols == null ? PasswordPolicy.DEFAULT_SYMBOLS : allowedSymbols;
        PasswordPolicy.fault(length, required.digits, required.lowercase, required.uppercase, required.symbols, symbols)
                .ifPresent(fault -> {
                    throw ValidationProblem.at(List.of("parameters", "passwordRequirements"), "custom", fault);
                });
        return new PasswordPolicy(
                length, required.digits, required.lowercase, required.uppercase, required.symbols, symbols);
    }
}
