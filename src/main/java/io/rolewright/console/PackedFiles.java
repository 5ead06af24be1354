package io.rolewright.console;

import io.rolewright.request.Gzip;
import io.rolewright.request.SharedBytes;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.Deflater;
import org.jspecify.annotations.Nullable;

/**
 * The files of the console, compressed as well as can be when they are asked for the first time and kept from then on: some 60 KiB. There are
 * as many as the build has made, whatever names are asked for.
 */
@ApplicationScoped
class PackedFiles {

    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html;charset=UTF-8", "js", "text/javascript;charset=UTF-8", "css", "text/css;charset=UTF-8");

    private final Vertx vertx;
    private final Map<String, Packed> kept = new ConcurrentHashMap<>();

    PackedFiles(Vertx vertx) {
        this.vertx = vertx;
    }

    record Packed(String type, Buffer bytes) {}

    /** @return null for what there is not, and for what is too small; never fails */
    Future<@Nullable Packed> get(String path) {
        Packed known = kept.get(path);
        if (known != null) {
            return Future.succeededFuture(known);
        }
        return vertx.executeBlocking(() -> pack(path), false).otherwiseEmpty();
    }

    private @Nullable Packed pack(String path) throws IOException {
        String type = TYPES.get(path.substring(path.lastIndexOf('.') + 1));
        try (InputStream file =
                Thread.currentThread().getContextClassLoader().getResourceAsStream("META-INF/resources" + path)) {
            if (file == null || type == null) {
                return null;
            }
            byte[] plain = file.readAllBytes();
            if (plain.length < Gzip.SMALLEST) {
                return null;
            }
            Packed packed = new Packed(type, SharedBytes.of(Gzip.of(plain, Deflater.BEST_COMPRESSION)));
            kept.put(path, packed);
            return packed;
        }
    }
}
