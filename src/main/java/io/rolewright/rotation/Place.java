package io.rolewright.rotation;

import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * Where secrets are found: an environment of a project, and a path in it. Every well-formed place exists; its ids are made from
 * its names and so are the same for ever.
 *
 * @param environment a slug
 * @param path normalised: it begins with a slash and ends with none, unless it is the root
 */
record Place(UUID projectId, String environment, String path) {

    static final int LONGEST_PATH = 1000;

    /** Names between single slashes; a dot or two are no names. */
    static final String PATH_FORM = "/|(/(?!\\.{1,2}(/|$))[A-Za-z0-9._-]{1,255})+";

    private static final Pattern TRAILING_SLASHES = Pattern.compile("(?<=.)/+$");

    /** What a caller wrote, with a slash in front and without one behind, as the reference takes it; null for null. */
    static String normalised(String path) {
        if (path == null) {
            return null;
        }
        String stripped = TRAILING_SLASHES.matcher(path.strip()).replaceFirst("");
        return stripped.isEmpty() || stripped.startsWith("/") ? stripped : "/" + stripped;
    }

    UUID environmentId() {
        return named("environment " + projectId + " " + environment);
    }

    UUID folderId() {
        return named("folder " + projectId + " " + environment + " " + path);
    }

    private static UUID named(String name) {
        return UUID.nameUUIDFromBytes(("rolewright " + name).getBytes(StandardCharsets.UTF_8));
    }
}
