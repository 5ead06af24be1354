package io.rolewright.request;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.deser.std.StdScalarDeserializer;
import java.io.IOException;

/** A whole number that may also come as text, as the reference coerces it: {@code 5432} or {@code "5432"}. */
public class CoercedInteger extends StdScalarDeserializer<Integer> {

    public CoercedInteger() {
        super(Integer.class);
    }

    @Override
    public Integer deserialize(JsonParser parser, DeserializationContext context) throws IOException {
        if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT || parser.currentToken() == JsonToken.VALUE_STRING) {
            String text = parser.getText().strip();
            if (text.matches("-?[0-9]{1,9}")) {
                return Integer.valueOf(text);
            }
        }
        return (Integer) context.handleUnexpectedToken(Integer.class, parser);
    }
}
