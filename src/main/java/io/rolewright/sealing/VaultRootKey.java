package io.rolewright.sealing;

import io.quarkus.vault.VaultTransitSecretReactiveEngine;
import io.quarkus.vault.transit.ClearData;
import io.quarkus.vault.transit.DecryptionRequest;
import io.quarkus.vault.transit.EncryptionRequest;
import io.rolewright.sealing.RootKeyConfig.Source;
import io.rolewright.store.StartupStep.NotReady;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Inject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A root key in the transit engine of a Vault server (or of OpenBao, which speaks the same protocol): it never leaves that
 * server. How the server is reached and how this service logs in there is quarkus-vault's matter ({@code quarkus.vault.*}).
 *
 * <pre>
 * what Vault encrypts:  format (1 byte) | data key id (4) | data key (32)
 * what is stored:       vault:v&lt;version of the root key&gt;:&lt;base64&gt;, as Vault gave it
 * root key id:          &lt;name of the key in Vault&gt;:v&lt;version&gt;
 * </pre>
 *
 * <p>The id stands inside, because the engine of an ordinary key has no associated data: a wrapped key that was put in
 * another's row does not pass.
 */
@ApplicationScoped
class VaultRootKey implements RootKeySource {

    private static final byte FORMAT = 1;

    private static final int HEADER_BYTES = 1 + Integer.BYTES;

    private static final Pattern CIPHERTEXT = Pattern.compile("vault:v([0-9]{1,9}):[A-Za-z0-9+/=]+");

    private final RootKeyConfig config;

    /** Asked for each time: without {@code quarkus.vault.url} there is none, and nobody needs it then. */
    private final Supplier<VaultTransitSecretReactiveEngine> transit;

    @Inject
    VaultRootKey(RootKeyConfig config, Instance<VaultTransitSecretReactiveEngine> transit) {
        this(config, transit::get);
    }

    VaultRootKey(RootKeyConfig config, Supplier<VaultTransitSecretReactiveEngine> transit) {
        this.config = config;
        this.transit = transit;
    }

    @Override
    public Source source() {
        return Source.VAULT_TRANSIT;
    }

    @Override
    public Uni<WrappedKey> wrap(int dataKeyId, byte[] dataKey) {
        var key = config.vaultTransit().key();
        byte[] plaintext = ByteBuffer.allocate(HEADER_BYTES + dataKey.length)
                .put(FORMAT)
                .putInt(dataKeyId)
                .put(dataKey)
                .array();
        var request = new EncryptionRequest(new ClearData(plaintext));
        return Uni.createFrom()
                .deferred(() -> transit.get().encrypt(key, List.of(request)))
                .onFailure()
                .transform(failure -> VaultFailure.notReady(failure, key))
                .map(ciphertexts -> {
                    var ciphertext = ciphertexts.get(request);
                    if (ciphertext == null) {
                        throw new NotReady("Vault answered without what it was asked to encrypt.");
                    }
                    return new WrappedKey(
                            dataKeyId,
                            Source.VAULT_TRANSIT,
                            key + ":v" + version(ciphertext),
                            ciphertext.getBytes(StandardCharsets.US_ASCII));
                })
                .eventually(() -> Arrays.fill(plaintext, (byte) 0));
    }

    @Override
    public Uni<Map<Integer, byte[]>> unwrap(List<WrappedKey> wrapped) {
        // By the name of Vault's key: one, but for the time in which the setting has changed and rewrap is not done.
        var byName = wrapped.stream().collect(Collectors.groupingBy(key -> name(key.rootKeyId())));
        Uni<Map<Integer, byte[]>> all = Uni.createFrom().item(HashMap::new);
        for (var group : byName.entrySet()) {
            all = all.chain(opened -> unwrap(group.getKey(), group.getValue())
                    .invoke(opened::putAll)
                    .replaceWith(opened));
        }
        return all;
    }

    private Uni<Map<Integer, byte[]>> unwrap(String key, List<WrappedKey> wrapped) {
        var requests = new LinkedHashMap<WrappedKey, DecryptionRequest>();
        wrapped.forEach(each ->
                requests.put(each, new DecryptionRequest(new String(each.wrapped(), StandardCharsets.US_ASCII))));
        return Uni.createFrom()
                .deferred(() -> transit.get().decrypt(key, List.copyOf(requests.values())))
                .onFailure()
                .transform(failure -> VaultFailure.notReady(failure, key))
                .map(plaintexts -> {
                    var opened = new HashMap<Integer, byte[]>();
                    requests.forEach((each, request) -> {
                        var plaintext = plaintexts.get(request);
                        if (plaintext == null) {
                            throw new NotReady("Vault answered without what it was asked to decrypt.");
                        }
                        opened.put(each.id(), dataKey(each, plaintext.getValue()));
                    });
                    return opened;
                });
    }

    private static byte[] dataKey(WrappedKey key, byte[] plaintext) {
        try {
            if (plaintext.length != HEADER_BYTES + AesGcm.KEY_BYTES
                    || plaintext[0] != FORMAT
                    || ByteBuffer.wrap(plaintext).getInt(1) != key.id()) {
                throw VaultFailure.otherKey(key);
            }
            return Arrays.copyOfRange(plaintext, HEADER_BYTES, plaintext.length);
        } finally {
            Arrays.fill(plaintext, (byte) 0);
        }
    }

    private static int version(String ciphertext) {
        var parts = CIPHERTEXT.matcher(ciphertext);
        if (!parts.matches()) {
            throw new IllegalStateException("Vault answered with a ciphertext that is not of the form vault:v1:…");
        }
        return Integer.parseInt(parts.group(1));
    }

    private static String name(String rootKeyId) {
        return rootKeyId.substring(0, rootKeyId.lastIndexOf(":v"));
    }
}
