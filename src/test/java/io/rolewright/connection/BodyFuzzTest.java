package io.rolewright.connection;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import com.fasterxml.jackson.module.paramnames.ParameterNamesModule;
import io.quarkus.jackson.ObjectMapperCustomizer;
import io.rolewright.problem.Problem;
import io.rolewright.problem.ValidationProblem;
import jakarta.validation.Validation;
import jakarta.validation.Validator;
import java.lang.reflect.Constructor;
import org.junit.jupiter.api.Tag;

/** As {@code target.PemFuzzTest}, for JSON bodies: read by the rules of the service, they are a request, a refusal, or no JSON. */
@Tag("suite-fuzz")
class BodyFuzzTest {

    private static final ObjectMapper JSON =
            new ObjectMapper().registerModules(new Jdk8Module(), new JavaTimeModule(), new ParameterNamesModule());

    private static final Validator VALIDATOR =
            Validation.buildDefaultValidatorFactory().getValidator();

    static {
        try {
            Constructor<?> rules =
                    Class.forName("io.rolewright.request.JsonRules").getDeclaredConstructor();
            rules.setAccessible(true);
            ((ObjectMapperCustomizer) rules.newInstance()).customize(JSON);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @FuzzTest
    void newConnection(FuzzedDataProvider data) {
        String body = data.consumeBoolean()
                ? "{\"name\":\"a\",\"method\":\"username-and-password\",\"credentials\":{"
                        + data.consumeRemainingAsString() + "}}"
                : data.consumeRemainingAsString();
        try {
            ConnectionWire.NewConnection read = JSON.readValue(body, ConnectionWire.NewConnection.class);
            if (read != null && VALIDATOR.validate(read).isEmpty()) {
                read.credentials().resolve(null);
            }
        } catch (JsonProcessingException | ValidationProblem | Problem refused) {
            // That is the answer.
        }
    }
}
