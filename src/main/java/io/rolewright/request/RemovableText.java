package io.rolewright.request;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.deser.std.StdScalarDeserializer;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A text of a PATCH: absent (null here) keeps what there is, JSON's null (empty here) removes it. It is trimmed. */
public class RemovableText extends StdScalarDeserializer<Optional<String>> {

    public RemovableText() {
        super(Optional.class);
    }

    @Override
    @SuppressWarnings("unchecked")
    public Optional<String> deserialize(JsonParser parser, DeserializationContext context) throws IOException {
        return parser.currentToken() == JsonToken.VALUE_STRING
                ? Optional.of(parser.getText().strip())
                : (Optional<String>) context.handleUnexpectedToken(String.class, parser);
    }

    @Override
    public Optional<String> getNullValue(DeserializationContext context) {
        return Optional.empty();
    }

    @Override
    public @Nullable Object getAbsentValue(DeserializationContext context) {
        return null;
    }
}
