package io.rolewright.testing;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Disabled;
import org.junit.platform.commons.annotation.Testable;
import org.junit.platform.commons.support.AnnotationSupport;

/** Tests that a page of {@code docs/} names as `package.Class#method`, below {@code io.rolewright}. */
public final class NamedTests {

    private static final Pattern NAME = Pattern.compile("`((?:[a-z]+\\.)*[A-Z]\\w*)#(\\w+)`");

    private NamedTests() {}

    /** @return what is named in the text, whether it is there or not */
    public static List<String> in(String text) {
        return NAME.matcher(text)
                .results()
                .map(found -> found.group(1) + "#" + found.group(2))
                .toList();
    }

    /** Whether a test of that name is run; the method may stand in a nested class. */
    public static boolean exists(String name) {
        String[] parts = name.split("#");
        try {
            Class<?> outer = Class.forName(
                    "io.rolewright." + parts[0], false, Thread.currentThread().getContextClassLoader());
            return methods(outer).anyMatch(method -> method.getName().equals(parts[1]) && isRun(method));
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    private static Stream<Method> methods(Class<?> test) {
        return Stream.concat(
                Arrays.stream(test.getDeclaredMethods()),
                Arrays.stream(test.getDeclaredClasses()).flatMap(NamedTests::methods));
    }

    private static boolean isRun(Method method) {
        return AnnotationSupport.isAnnotated(method, Testable.class)
                && !method.isAnnotationPresent(Disabled.class)
                && !method.getDeclaringClass().isAnnotationPresent(Disabled.class);
    }

    /**
     * The claims of a page: each of its paragraphs, items of lists and rows of tables, without headings, blocks of code, and what only
     * leads to a list.
     */
    public static List<String> claims(String page) {
        List<String> claims = new ArrayList<>();
        StringBuilder claim = new StringBuilder();
        boolean isCode = false;
        boolean isHead = true;
        for (String line : (page + "\n\n").lines().toList()) {
            boolean isRow = line.startsWith("|");
            if (line.startsWith("```")) {
                isCode = !isCode;
            }
            if (isRow || line.isBlank() || line.startsWith("- ") || line.startsWith("#") || line.startsWith("```")) {
                end(claim, claims);
            }
            if (isRow) {
                if (line.startsWith("|---")) {
                    isHead = false;
                } else if (!isHead) {
                    claims.add(line);
                }
            } else {
                isHead = true;
                if (!isCode && !line.startsWith("#") && !line.startsWith("```")) {
                    claim.append(line.strip()).append(' ');
                }
            }
        }
        end(claim, claims);
        return claims;
    }

    private static void end(StringBuilder claim, List<String> claims) {
        String text = claim.toString().strip();
        if (!text.isEmpty() && !text.endsWith(":")) {
            claims.add(text);
        }
        claim.setLength(0);
    }
}
