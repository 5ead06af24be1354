package io.rolewright.access;

/**
 * Of a request that nobody has vouched for yet: where it came from.
 *
 * @param address as {@link ClientAddresses} sees it
 * @param requestId the {@code reqId} that the caller is shown
 */
record RequestOrigin(String address, String requestId) {}
