package io.rolewright.access;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.util.Map;

/** A request whose token is missing (401) or will not do (403), told apart as the reference does. */
final class TokenRefused extends Problem {

    private TokenRefused(ErrorCode code, String message, Map<String, String> headers) {
        super(code, message, Map.of(), headers);
    }

    static TokenRefused missing() {
        return new TokenRefused(
                ErrorCode.TOKEN_MISSING,
                "Send an access token: `Authorization: Bearer <accessToken>`.",
                Map.of("WWW-Authenticate", "Bearer"));
    }

    static TokenRefused expired() {
        return invalid(ErrorCode.TOKEN_EXPIRED, "The access token has expired: log in again.");
    }

    static TokenRefused invalid() {
        return invalid(ErrorCode.TOKEN_INVALID, "The access token is not valid: log in again.");
    }

    static TokenRefused revoked() {
        return invalid(ErrorCode.TOKEN_REVOKED, "The access token has been revoked: log in again.");
    }

    static TokenRefused notRenewable() {
        return invalid(
                ErrorCode.TOKEN_RENEWAL_REFUSED,
                "The client secret that this access token was obtained with has expired or may not be used from"
                        + " here, so it is not renewed: log in again.");
    }

    static TokenRefused fromElsewhere() {
        return invalid(
                ErrorCode.TOKEN_ADDRESS_NOT_TRUSTED,
                "The access token may not be used from your address: the identity's accessTokenTrustedIps do not include it.");
    }

    /** RFC 6750 §3.1 names the error, though it would answer 401 where the reference answers 403. */
    private static TokenRefused invalid(ErrorCode code, String message) {
        return new TokenRefused(code, message, Map.of("WWW-Authenticate", "Bearer error=\"invalid_token\""));
    }
}
