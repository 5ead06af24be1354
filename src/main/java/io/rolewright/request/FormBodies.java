package io.rolewright.request;

import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.MultivaluedMap;
import jakarta.ws.rs.ext.Provider;
import java.io.IOException;
import java.io.InputStream;
import java.lang.annotation.Annotation;
import java.lang.reflect.Type;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Pattern;
import org.jboss.resteasy.reactive.server.spi.ResteasyReactiveResourceInfo;
import org.jboss.resteasy.reactive.server.spi.ServerMessageBodyReader;
import org.jboss.resteasy.reactive.server.spi.ServerRequestContext;

/**
 * Reads {@code application/x-www-form-urlencoded} into what JSON is read into, for the operations that take it: the reference documents
 * its logins as forms. Of a field that is there several times the last counts.
 */
@Provider
@Consumes(MediaType.APPLICATION_FORM_URLENCODED)
public class FormBodies implements ServerMessageBodyReader<Object> {

    private static final Pattern NUMBER = Pattern.compile("-?[0-9]{1,18}");

    private final ObjectMapper json;

    FormBodies(ObjectMapper json) {
        this.json = json;
    }

    @Override
    public boolean isReadable(
            Class<?> type, Type genericType, ResteasyReactiveResourceInfo resource, MediaType mediaType) {
        return type.isRecord();
    }

    @Override
    public boolean isReadable(Class<?> type, Type genericType, Annotation[] annotations, MediaType mediaType) {
        return type.isRecord();
    }

    @Override
    public Object readFrom(Class<Object> type, Type genericType, MediaType mediaType, ServerRequestContext context)
            throws IOException {
        return read(type, context.getInputStream());
    }

    @Override
    public Object readFrom(
            Class<Object> type,
            Type genericType,
            Annotation[] annotations,
            MediaType mediaType,
            MultivaluedMap<String, String> headers,
            InputStream body)
            throws IOException {
        return read(type, body);
    }

    /** The body is bounded by the listener. */
    private Object read(Class<?> type, InputStream body) throws IOException {
        var target = json.constructType(type);
        var numbers = numbers(target);
        var object = json.createObjectNode();
        for (var field : new String(body.readAllBytes(), StandardCharsets.UTF_8).split("&")) {
            int equals = field.indexOf('=');
            if (equals > 0) {
                put(object, numbers, decoded(field.substring(0, equals)), decoded(field.substring(equals + 1)));
            }
        }
        return json.treeToValue(object, target);
    }

    private static void put(ObjectNode object, Set<String> numbers, String name, String value) {
        if (numbers.contains(name) && NUMBER.matcher(value).matches()) {
            object.put(name, Long.valueOf(value));
        } else {
            object.put(name, value);
        }
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException malformed) {
            throw Problem.of(ErrorCode.BAD_REQUEST, "The body is not a well-formed form.");
        }
    }

    private Set<String> numbers(JavaType target) {
        Set<String> numbers = new HashSet<>();
        for (var property : json.getDeserializationConfig().introspect(target).findProperties()) {
            if (Number.class.isAssignableFrom(property.getRawPrimaryType())) {
                numbers.add(property.getName());
            }
        }
        return numbers;
    }
}
