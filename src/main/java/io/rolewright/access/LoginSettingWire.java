package io.rolewright.access;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.rolewright.problem.ValidationProblem;
import io.rolewright.target.address.Network;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** The parts that the reference's bodies about logins share: what narrows is enforced here or refused, and never ignored. */
final class LoginSettingWire {

    static final String TTL =
            "Seconds that an access token is good for: 30 up to the service's longest; absent: its usual.";
    static final String MAX_TTL =
            "Seconds after its login that an access token can be renewed: 30 up to the service's longest, the default.";
    static final String USES = "Must be 0: the uses of access tokens are not counted.";
    static final String IPS = "Addresses or networks that access tokens may be used from; absent: from anywhere.";

    private static final int SHORTEST = 30;
    private static final List<String> ANYWHERE = List.of("0.0.0.0/0", "::/0");

    private LoginSettingWire() {}

    @Schema(name = "TrustedIp")
    record TrustedIp(
            @NotNull @Size(min = 1, max = 64) @Schema(required = true, examples = "10.0.0.0/8")
            String ipAddress) {}

    @Schema(name = "TrustedIpData")
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record TrustedIpView(
            @Schema(required = true, examples = "10.0.0.0") String ipAddress,

            @Schema(
                    required = true,
                    enumeration = {"ipv4", "ipv6"})
            String type,

            @Schema(description = "Bits of the network; absent for one address.") @Nullable
            Integer prefix) {}

    /** What all of them may say; null for what was not sent. */
    record Sent(
            @Nullable Integer ttl,
            @Nullable Integer maxTtl,
            @Nullable Integer usesLimit,
            @Nullable List<TrustedIp> tokenTrustedIps,
            @Nullable List<TrustedIp> secretTrustedIps) {}

    /**
     * @param before what stays where nothing was sent
     * @param longest that a token may be good for
     * @throws ValidationProblem naming the field
     */
    static LoginSetting setting(LoginSetting before, Sent sent, Duration longest) {
        var ttl = lifetime("accessTokenTTL", sent.ttl, longest);
        var maxTtl = lifetime("accessTokenMaxTTL", sent.maxTtl, longest);
        var wanted = new LoginSetting(
                before.id(),
                ttl == null ? before.ttl() : ttl,
                maxTtl == null ? before.maxTtl() : maxTtl,
                sent.tokenTrustedIps == null
                        ? before.tokenTrustedIps()
                        : networks("accessTokenTrustedIps", sent.tokenTrustedIps),
                sent.secretTrustedIps == null
                        ? before.secretTrustedIps()
                        : networks("clientSecretTrustedIps", sent.secretTrustedIps),
                before.sent());
        if (wanted.ttl() != null && wanted.maxTtl() != null && wanted.ttl() > wanted.maxTtl()) {
            throw ValidationProblem.at(List.of("accessTokenTTL"), "too_big", "Must not be more than accessTokenMaxTTL");
        }
        if (sent.usesLimit != null && sent.usesLimit != 0) {
            throw ValidationProblem.at(
                    List.of("accessTokenNumUsesLimit"),
                    "custom",
                    "Must be 0: the uses of access tokens are not counted here; limit the uses of a client secret (numUsesLimit)");
        }
        return wanted;
    }

    private static @Nullable Integer lifetime(String field, @Nullable Integer seconds, Duration longest) {
        if (seconds == null || seconds >= SHORTEST && seconds <= longest.toSeconds()) {
            return seconds;
        }
        throw ValidationProblem.at(
                List.of(field),
                seconds < SHORTEST ? "too_small" : "too_big",
                "Must be " + SHORTEST + " to " + longest.toSeconds()
                        + " seconds, which is the longest that the service allows");
    }

    private static List<String> networks(String field, List<TrustedIp> sent) {
        if (sent.isEmpty()) {
            throw ValidationProblem.at(
                    List.of(field),
                    "too_small",
                    "Must name a network; leave it out for any, or send 0.0.0.0/0 and ::/0");
        }
        List<String> networks = new ArrayList<>();
        for (int i = 0; i < sent.size(); i++) {
            var text = sent.get(i).ipAddress.strip();
            if (Network.ofCallers(text).isEmpty()) {
                throw ValidationProblem.at(
                        List.of(field, i, "ipAddress"),
                        "invalid_string",
                        "Must be an address or a network such as 10.0.0.0/8");
            }
            networks.add(text);
        }
        return networks;
    }

    /** @param networks null for any */
    static List<TrustedIpView> views(@Nullable List<String> networks) {
        return (networks == null ? ANYWHERE : networks)
                .stream()
                        .map(network -> {
                            int slash = network.indexOf('/');
                            return new TrustedIpView(
                                    slash < 0 ? network : network.substring(0, slash),
                                    network.contains(":") ? "ipv6" : "ipv4",
                                    slash < 0 ? null : Integer.valueOf(network.substring(slash + 1)));
                        })
                        .toList();
    }
}
