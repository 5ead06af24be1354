import io.rolewright.client.ApiClient;
import io.rolewright.client.ApiException;
import io.rolewright.client.api.AccessApi;
import io.rolewright.client.api.PostgreSqlConnectionsApi;
import io.rolewright.client.api.PostgreSqlCredentialsRotationsApi;
import io.rolewright.client.model.ApiError;
import io.rolewright.client.model.CreatePostgresAppConnection;
import io.rolewright.client.model.CreatePostgresCredentialsRotation;
import io.rolewright.client.model.PostgresCredentialsInput;
import io.rolewright.client.model.PostgresCredentialsParameters;
import io.rolewright.client.model.PostgresCredentialsSecretsMapping;
import io.rolewright.client.model.TestPostgresCredentials;
import io.rolewright.client.model.UniversalAuthLogin;
import io.rolewright.client.model.ValidationError;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** An application that was written against the generated Java client: logs in, creates, tests, rotates, reads, deletes, and fails. */
public final class Program {

    private static final Map<String, String> SETTINGS = System.getenv();

    private final ApiClient client = client(null);

    private interface Call {
        Object make() throws ApiException;
    }

    private static ApiClient client(String token) {
        return client(token, null);
    }

    /** @param contentType null for the one that the generated code sends */
    private static ApiClient client(String token, String contentType) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(SETTINGS.get("SITE_URL"));
        client.setRequestInterceptor(request -> {
            if (token != null) {
                request.header("Authorization", "Bearer " + token);
            }
            if (contentType != null) {
                request.setHeader("Content-Type", contentType);
            }
        });
        return client;
    }

    private static String login(String id, String secret) throws ApiException {
        return new AccessApi(client(null))
                .loginWithUniversalAuth(new UniversalAuthLogin().clientId(id).clientSecret(secret))
                .getAccessToken();
    }

    public static void main(String[] arguments) throws Exception {
        new Program().run();
        System.out.println("done");
    }

    private void run() throws Exception {
        expect(401, null, () -> login(SETTINGS.get("CLIENT_ID"), "wrong"));
        expect(401, "token_missing", () -> new PostgreSqlConnectionsApi(client).listAppConnectionOptions());

        expect(403, "token_invalid", () -> new PostgreSqlConnectionsApi(client("nonsense")).listAppConnectionOptions());

        String token = login(SETTINGS.get("CLIENT_ID"), SETTINGS.get("CLIENT_SECRET"));
        ApiClient admin = client(token);
        ApiClient reader = client(login(SETTINGS.get("READER_ID"), SETTINGS.get("READER_SECRET")));
        PostgreSqlConnectionsApi connections = new PostgreSqlConnectionsApi(admin);
        PostgresCredentialsInput credentials = new PostgresCredentialsInput()
                .host("127.0.0.1")
                .port(Integer.valueOf(SETTINGS.get("PG_PORT")))
                .database("postgres")
                .username(SETTINGS.get("PG_USER"))
                .password(SETTINGS.get("PG_PASSWORD"))
                .sslEnabled(false);
        require(
                connections.testPostgresCredentials(new TestPostgresCredentials().credentials(credentials)).getReport().getOk(),
                "the test of the login");

        CreatePostgresAppConnection wanted = new CreatePostgresAppConnection()
                .name(SETTINGS.get("NAME"))
                .method(CreatePostgresAppConnection.MethodEnum.USERNAME_AND_PASSWORD)
                .credentials(credentials);
        UUID connection = connections.createPostgresAppConnection(wanted, null).getAppConnection().getId();
        expect(400, null, () -> connections.createPostgresAppConnection(wanted, null));
        expect(403, "permission_denied", () -> new PostgreSqlConnectionsApi(reader).createPostgresAppConnection(wanted, null));
        expect(404, "connection_not_found", () -> connections.getPostgresAppConnection(UUID.randomUUID()));
        expectIssue(List.of("credentials", "host"), () -> connections.createPostgresAppConnection(
                new CreatePostgresAppConnection()
                        .name(SETTINGS.get("NAME") + "-2")
                        .method(CreatePostgresAppConnection.MethodEnum.USERNAME_AND_PASSWORD)
                        .credentials(new PostgresCredentialsInput().host("").database("x").username("x").password("x")),
                null));
        expect(415, null, () -> new PostgreSqlConnectionsApi(client(token, "text/plain")).createPostgresAppConnection(wanted, null));
        expect(413, "body_too_large", () -> connections.createPostgresAppConnection(
                new CreatePostgresAppConnection()
                        .name(SETTINGS.get("NAME"))
                        .description("x".repeat(400_000))
                        .method(CreatePostgresAppConnection.MethodEnum.USERNAME_AND_PASSWORD)
                        .credentials(credentials),
                null));
        ApiError lost = expect(504, "rotation_in_doubt", () ->
                connections.rotatePostgresAppConnection(UUID.fromString(SETTINGS.get("LOSING_CONNECTION")), null));
        require(lost.getDetails().get("attemptId") != null, "the attempt that goes on by itself");

        PostgreSqlCredentialsRotationsApi rotations = new PostgreSqlCredentialsRotationsApi(admin);
        UUID rotation = rotations
                .createPostgresCredentialsRotation(
                        new CreatePostgresCredentialsRotation()
                                .name(SETTINGS.get("NAME"))
                                .projectId(UUID.fromString(SETTINGS.get("PROJECT_ID")))
                                .connectionId(connection)
                                .environment("production")
                                .secretPath("/" + SETTINGS.get("NAME"))
                                .rotationInterval(30)
                                .parameters(new PostgresCredentialsParameters()
                                        .username1(SETTINGS.get("ROLE1"))
                                        .username2(SETTINGS.get("ROLE2")))
                                .secretsMapping(new PostgresCredentialsSecretsMapping()
                                        .username("DB_USER")
                                        .password("DB_PASSWORD")),
                        null)
                .getSecretRotation()
                .getId();
        expect(400, "overlap_not_over", () -> {
            rotations.rotatePostgresCredentials(rotation, null, null);
            return rotations.rotatePostgresCredentials(rotation, null, null);
        });
        require(
                rotations.rotatePostgresCredentials(rotation, true, null).getSecretRotation().getCredentialVersion() == 3,
                "the version after two rotations");
        expect(429, "rate_limited", () -> {
            for (int i = 0; i < 70; i++) {
                ApiException refusal = refused(() -> rotations.rotatePostgresCredentials(rotation, null, null));
                if (refusal.getCode() == 429) {
                    throw refusal;
                }
            }
            return null;
        });
        var active = rotations.getActivePostgresCredentials(rotation, null, null, null, null, null);
        require(active.getCredentialVersion() == 3 && active.getUsername().equals(SETTINGS.get("ROLE1")), "what is served");
        require(rotations.getPostgresGeneratedCredentials(rotation, null).getGeneratedCredentials().size() == 2, "both of them");
        System.out.println("login " + active.getUsername() + " " + active.getPassword());

        rotations.deletePostgresCredentialsRotation(rotation, null, null, null);
        connections.deletePostgresAppConnection(connection, null);
        expect(404, "connection_not_found", () -> connections.getPostgresAppConnection(connection));
    }

    private ApiException refused(Call call) {
        try {
            call.make();
        } catch (ApiException refusal) {
            return refusal;
        }
        throw new IllegalStateException("it was not refused");
    }

    /** @param code null for any */
    private ApiError expect(int status, String code, Call call) throws Exception {
        ApiException refusal = refused(call);
        require(refusal.getCode() == status, status + " and not " + refusal.getCode() + ": " + refusal.getResponseBody());
        ApiError error = client.getObjectMapper().readValue(refusal.getResponseBody(), ApiError.class);
        require(error.getStatusCode() == status && !error.getReqId().isEmpty() && !error.getMessage().isEmpty(), "a whole error");
        require(code == null ? !error.getCode().isEmpty() : code.equals(error.getCode()), code + ", not " + error.getCode());
        return error;
    }

    private void expectIssue(List<String> path, Call call) throws Exception {
        ApiException refusal = refused(call);
        require(refusal.getCode() == 422, "422 and not " + refusal.getCode());
        ValidationError error = client.getObjectMapper().readValue(refusal.getResponseBody(), ValidationError.class);
        require(error.getMessage().get(0).getPath().equals(path), path + ", not " + error.getMessage());
    }

    private static void require(boolean isSo, String what) {
        if (!isSo) {
            throw new IllegalStateException("expected " + what);
        }
    }
}
