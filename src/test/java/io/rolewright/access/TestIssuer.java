package io.rolewright.access;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.rolewright.testing.TestCertificates;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.PemKeyCertOptions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.lang.JoseException;

/** An issuer on 127.0.0.1 that answers by HTTPS and signs for real. */
final class TestIssuer implements AutoCloseable {

    static final String AUDIENCE = "rolewright";

    final TestCertificates authority = TestCertificates.create();
    final AtomicInteger discoveries = new AtomicInteger();
    final AtomicInteger keySets = new AtomicInteger();
    final AtomicInteger others = new AtomicInteger();

    /** Answers in place of the usual ones, by path: a status and a body, or an address to redirect to. */
    final Map<String, String> instead = new ConcurrentHashMap<>();

    final Map<String, String> bearers = new ConcurrentHashMap<>();

    private final Map<String, KeyPair> keys = new LinkedHashMap<>();
    private final Vertx vertx = Vertx.vertx();
    private final HttpServer server;

    TestIssuer() {
        addKey("first");
        var certificate = authority.server("127.0.0.1", "localhost");
        server = vertx.createHttpServer(new HttpServerOptions()
                .setSsl(true)
                .setKeyCertOptions(new PemKeyCertOptions()
                        .addCertPath(certificate.certificate().toString())
                        .addKeyPath(certificate.key().toString())));
        server.requestHandler(request -> {
            var bearer = request.getHeader("Authorization");
            if (bearer != null) {
                bearers.put(request.path(), bearer);
            }
            var other = instead.get(request.path());
            if (other != null && other.startsWith("https://")) {
                request.response()
                        .setStatusCode(302)
                        .putHeader("Location", other)
                        .end();
            } else if (other != null) {
                request.response().end(other);
            } else if (request.path().equals("/.well-known/openid-configuration")) {
                discoveries.incrementAndGet();
                request.response()
                        .end(new JsonObject()
                                .put("issuer", url())
                                .put("jwks_uri", url() + "/keys")
                                .encode());
            } else if (request.path().equals("/keys")) {
                keySets.incrementAndGet();
                request.response().end(keySet());
            } else {
                others.incrementAndGet();
                request.response().setStatusCode(404).end();
            }
        });
        server.listen(0, "127.0.0.1").toCompletionStage().toCompletableFuture().join();
    }

    String url() {
        return "https://127.0.0.1:" + server.actualPort();
    }

    synchronized void addKey(String id) {
        keys.put(id, rsa());
    }

    synchronized KeyPair key(String id) {
        return keys.get(id);
    }

    synchronized List<JsonWebKey> publicKeys() {
        return keys.entrySet().stream().map(TestIssuer::jwk).toList();
    }

    String token(String keyId, Map<String, Object> more) {
        return signed(Map.of("alg", "RS256", "kid", keyId), claims(more), key(keyId));
    }

    /** @param more over the usual claims; null takes one away */
    Map<String, Object> claims(Map<String, Object> more) {
        Map<String, Object> claims = new LinkedHashMap<>(Map.of(
                "iss", url(),
                "sub", "repo:acme/shop",
                "aud", AUDIENCE,
                "iat", Instant.now().getEpochSecond(),
                "exp", Instant.now().plusSeconds(300).getEpochSecond()));
        claims.putAll(more);
        claims.values().removeIf("absent"::equals);
        return claims;
    }

    static String signed(Map<String, Object> header, Map<String, Object> claims, KeyPair key) {
        var text = part(header) + "." + part(claims);
        try {
            var signature = Signature.getInstance("SHA256withRSA");
            signature.initSign(key.getPrivate());
            signature.update(text.getBytes(UTF_8));
            return text + "." + base64(signature.sign());
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    static String part(Map<String, Object> json) {
        return base64(new JsonObject(new LinkedHashMap<>(json)).encode().getBytes(UTF_8));
    }

    static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    static KeyPair rsa() {
        try {
            var generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    private synchronized String keySet() {
        var array = new JsonArray();
        publicKeys().forEach(key -> array.add(new JsonObject(key.toJson())));
        return new JsonObject().put("keys", array).encode();
    }

    private static JsonWebKey jwk(Map.Entry<String, KeyPair> entry) {
        try {
            var key = JsonWebKey.Factory.newJwk(entry.getValue().getPublic());
            key.setKeyId(entry.getKey());
            key.setUse("sig");
            return key;
        } catch (JoseException e) {
            throw new AssertionError(e);
        }
    }

    void stop() {
        server.close().toCompletionStage().toCompletableFuture().join();
    }

    @Override
    public void close() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }
}
