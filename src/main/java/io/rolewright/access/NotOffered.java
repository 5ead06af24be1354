package io.rolewright.access;

import io.rolewright.problem.ErrorCode;
import io.rolewright.problem.Problem;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the reference has and this service has not: the one table of it. Clients take a 404 for "deleted" (Terraform drops it from its
 * state, External Secrets from the pod), so these paths say that they are not offered. A path that neither the reference nor this service
 * has stays a 404.
 */
final class NotOffered {

    /**
     * One path of the reference.
     *
     * @param methods that are not offered there; empty for all
     * @param path by segments; {@code *} stands for one, {@code **} at the end for any number of them
     * @param isLogin whether it takes no token: then the answer is a 400, as clients that are not logged in expect
     * @param sentence what is answered
     */
    record Row(List<String> methods, String path, boolean isLogin, String sentence) {

        Problem problem() {
            return Problem.of(isLogin ? ErrorCode.LOGIN_METHOD_NOT_OFFERED : ErrorCode.NOT_OFFERED, sentence);
        }

        private boolean covers(String method, List<String> sent) {
            if (!methods.isEmpty() && !methods.contains(method.equals("HEAD") ? "GET" : method)) {
                return false;
            }
            var wanted = segments(path);
            boolean isPrefix = wanted.get(wanted.size() - 1).equals("**");
            int fixed = isPrefix ? wanted.size() - 1 : wanted.size();
            if (isPrefix ? sent.size() < fixed : sent.size() != fixed) {
                return false;
            }
            for (int i = 0; i < fixed; i++) {
                if (!wanted.get(i).equals("*") && !wanted.get(i).equals(sent.get(i))) {
                    return false;
                }
            }
            return true;
        }
    }

    private static final String DYNAMIC =
            "Dynamic secrets are not offered here: a rotation gives a role new passwords.";
    private static final String KMS = "Keys for encrypting and signing (KMS) are not offered here.";
    private static final String SSH = "SSH certificates are not offered here.";
    private static final String PKI = "Certificates (PKI) are not offered here.";
    private static final String GATEWAYS =
            "Gateways and relays are not offered here: run the service where it reaches the servers.";
    private static final String PEOPLE =
            "Users, groups and single sign-on are not offered here: who calls is a machine identity (/api/v1/identities).";
    private static final String ROLES =
            "Roles of your own are not offered here: give admin, member, viewer or no-access, or a role of docs/access.md.";
    private static final String SERVICE_TOKENS =
            "Service tokens are not offered here: make a token of an identity (/api/v1/auth/token-auth/identities/{id}/tokens).";
    private static final String PRIVILEGES =
            "Additional privileges are not offered here: an identity has roles in a project or in the organisation.";
    private static final String APPROVALS = "Approvals and change requests are not offered here.";
    private static final String WRITING =
            "Nobody writes secrets here, so there is nothing to import, share, tag, snapshot or scan: they are what rotations serve.";
    private static final String SYNCS =
            "Secret syncs and integrations are not offered here: use webhooks, or vaultKv of a rotation.";
    private static final String OTHER_APPS = "Only connections of the app postgres are offered here.";
    private static final String OTHER_ROTATIONS = "Only rotations of the type postgres-credentials are offered here.";
    private static final String ENCRYPTED =
            "Secrets that clients decrypt themselves are not offered here: read /api/v3/secrets/raw or /api/v4/secrets.";
    private static final String BY_ID =
            "Secrets cannot be read by an id here: a secret has a name in a project, an environment and a path.";
    private static final String SUB_ORGANIZATIONS =
            "Sub-organisations are not offered here: there is one organisation (/api/v1/identities/details).";
    private static final String ORGANIZATIONS =
            "Organisations cannot be read or changed here: there is one (/api/v1/identities/details).";
    private static final String AUDIT =
            "The reference's audit logs are not offered here: /api/v1/audit-events has who did what.";
    private static final String RETENTION =
            "The retention of a project's audit cannot be set here: the operator sets it for all (ROLEWRIGHT_AUDIT_RETENTION).";
    private static final String LOCKOUTS =
            "Lockouts cannot be cleared here: they end by themselves (ROLEWRIGHT_ACCESS_LOCKOUT_DURATION).";
    private static final String OTHER_PROJECTS = "Only projects of the type secret-manager are offered here.";
    private static final String TEMPLATES = "Project templates are not offered here.";
    private static final String ADMIN = "The reference's administration of a server is not offered here.";
    private static final String NOTIFICATIONS = "Notifications are not offered here: use webhooks.";
    private static final String JWT =
            "A rule for jwt-auth is not offered here: set oidc-auth, and log in at either of the two paths.";

    private static final String NOT_YET = "This part of the reference is not offered here.";

    static final List<Row> ROWS = rows();

    /** By the first three segments, which no row leaves open. */
    private static final Map<List<String>, List<Row>> BY_START = byStart();

    private NotOffered() {}

    /** @param path decoded, with or without slashes at its end. @return null for what is offered, and for what nobody knows */
    static @Nullable Row find(String method, String path) {
        var sent = segments(path);
        if (sent.size() < 3) {
            return null;
        }
        for (var row : BY_START.getOrDefault(sent.subList(0, 3), List.of())) {
            if (row.covers(method, sent)) {
                return row;
            }
        }
        return null;
    }

    private static List<String> segments(String path) {
        int end = path.length();
        while (end > 1 && path.charAt(end - 1) == '/') {
            end--;
        }
        return path.isEmpty() || path.charAt(0) != '/'
                ? List.of()
                : List.of(path.substring(1, end).split("/", -1));
    }

    private static Map<List<String>, List<Row>> byStart() {
        Map<List<String>, List<Row>> byStart = new HashMap<>();
        for (var row : ROWS) {
            byStart.computeIfAbsent(segments(row.path).subList(0, 3), start -> new ArrayList<>())
                    .add(row);
        }
        return byStart;
    }

    private static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        for (var way : List.of("aws", "azure", "gcp", "ldap", "oci", "alicloud", "tls-cert", "spiffe")) {
            var name = way + "-auth";
            var sentence = "Logins by " + name
                    + " are not offered here: use universal-auth, token-auth, kubernetes-auth or oidc-auth.";
            rows.add(new Row(List.of("POST"), "/api/v1/auth/" + name + "/login", true, sentence));
            rows.add(new Row(List.of(), "/api/v1/auth/" + name + "/**", false, sentence));
        }
        all(rows, JWT, "/api/v1/auth/jwt-auth/identities/**");
        all(rows, LOCKOUTS, "/api/v1/auth/universal-auth/identities/*/clear-lockouts");
        all(rows, DYNAMIC, "/api/v1/dynamic-secrets/**", "/api/v1/workspace/*/dynamic-secrets/**");
        all(rows, KMS, "/api/v1/kms/**", "/api/v1/external-kms/**", "/api/v1/kmip/**", "/api/v1/workspace/*/kms/**");
        all(rows, SSH, "/api/v1/ssh/**", "/api/v2/ssh/**");
        all(rows, PKI, "/api/v1/pki/**", "/api/v2/pki/**", "/api/v1/cert-manager/**", "/api/v1/pki-alerts/**");
        all(
                rows,
                GATEWAYS,
                "/api/v1/gateways/**",
                "/api/v2/gateways/**",
                "/api/v1/gateway-pools/**",
                "/api/v1/relays/**");
        all(
                rows,
                PEOPLE,
                "/api/v1/groups/**",
                "/api/v1/user/**",
                "/api/v2/users/**",
                "/api/v1/sso/**",
                "/api/v1/scim/**",
                "/api/v1/saml/**",
                "/api/v1/ldap/**",
                "/api/v1/invite-org/**",
                "/api/v1/projects/*/groups/**",
                "/api/v1/projects/*/users/**",
                "/api/v1/workspace/*/memberships/**",
                "/api/v1/workspace/*/users/**",
                "/api/v2/workspace/*/groups/**",
                "/api/v2/workspace/*/memberships/**",
                "/api/v3/users/**");
        all(
                rows,
                ROLES,
                "/api/v1/org-roles/**",
                "/api/v1/organization/*/roles/**",
                "/api/v1/organization/roles/**",
                "/api/v1/projects/*/roles/**",
                "/api/v1/workspace/*/roles/**",
                "/api/v2/workspace/*/roles/**");
        all(rows, ORGANIZATIONS, "/api/v1/organization/**", "/api/v1/organizations/**", "/api/v2/organizations/**");
        all(rows, SUB_ORGANIZATIONS, "/api/v1/sub-organizations/**");
        all(
                rows,
                SERVICE_TOKENS,
                "/api/v2/service-token/**",
                "/api/v1/service-token/**",
                "/api/v3/service-token/**",
                "/api/v1/workspace/*/service-token-data/**",
                "/api/v2/workspace/*/service-token-data/**");
        all(
                rows,
                PRIVILEGES,
                "/api/v1/additional-privilege/**",
                "/api/v1/user-project-additional-privilege/**",
                "/api/v1/identity-project-additional-privilege/**",
                "/api/v2/identity-project-additional-privilege/**");
        all(
                rows,
                APPROVALS,
                "/api/v1/secret-approvals/**",
                "/api/v1/secret-approval-requests/**",
                "/api/v1/secret-approval-policy/**",
                "/api/v1/access-approvals/**",
                "/api/v1/approval-policies/**");
        all(
                rows,
                WRITING,
                "/api/v1/secret-imports/**",
                "/api/v2/secret-imports/**",
                "/api/v1/secret-snapshot/**",
                "/api/v1/workspace/*/secret-snapshots/**",
                "/api/v1/workspace/*/tags/**",
                "/api/v1/projects/*/tags/**",
                "/api/v1/secret-scanning/**",
                "/api/v2/secret-scanning/**",
                "/api/v1/secret-sharing/**",
                "/api/v1/secret-validation-rules/**",
                "/api/v1/reminders/**",
                "/api/v1/honey-tokens/**",
                "/api/v1/dashboard/**");
        all(rows, SYNCS, "/api/v1/secret-syncs/**", "/api/v1/integration/**", "/api/v1/integration-auth/**");
        all(rows, AUDIT, "/api/v1/audit-logs/**", "/api/v1/audit-log-streams/**");
        all(rows, RETENTION, "/api/v1/workspace/*/audit-logs-retention", "/api/v1/projects/*/audit-logs-retention");
        all(rows, TEMPLATES, "/api/v1/project-templates/**");
        all(rows, OTHER_PROJECTS, "/api/v1/pam/**", "/api/v1/ai/**");
        all(rows, ADMIN, "/api/v1/admin/**", "/api/v1/bot/**", "/api/v1/workflow-integrations/**");
        all(rows, NOTIFICATIONS, "/api/v1/notifications/**", "/api/v1/slack/**");
        all(rows, ENCRYPTED, "/api/v2/secrets/**", "/api/v3/workspaces/**");
        rows.add(new Row(List.of("GET"), "/api/v4/secrets/id/*", false, BY_ID));
        rows.add(new Row(List.of("GET"), "/api/v3/secrets", false, ENCRYPTED));
        for (var app : List.of(
                "1password",
                "auth0",
                "aws",
                "azure-app-configuration",
                "azure-client-secrets",
                "azure-devops",
                "azure-key-vault",
                "bitbucket",
                "camunda",
                "checkly",
                "clickhouse",
                "cloudflare",
                "databricks",
                "digital-ocean",
                "flyio",
                "gcp",
                "github",
                "github-radar",
                "gitlab",
                "hashicorp-vault",
                "heroku",
                "humanitec",
                "ldap",
                "mongodb",
                "mssql",
                "mysql",
                "netlify",
                "oci",
                "okta",
                "oracledb",
                "railway",
                "redis",
                "render",
                "ssh",
                "supabase",
                "teamcity",
                "terraform-cloud",
                "vercel",
                "windmill",
                "zabbix")) {
            all(rows, OTHER_APPS, "/api/v1/app-connections/" + app + "/**");
        }
        for (var type : List.of(
                "auth0-client-secret",
                "aws-iam-user-secret",
                "azure-client-secret",
                "hp-ilo-local-account",
                "ldap-password",
                "mongodb-credentials",
                "mssql-credentials",
                "mysql-credentials",
                "okta-client-secret",
                "oracledb-credentials",
                "redis-credentials",
                "unix-linux-local-account",
                "windows-local-account")) {
            all(rows, OTHER_ROTATIONS, "/api/v2/secret-rotations/" + type + "/**");
        }
        all(rows, OTHER_ROTATIONS, "/api/v1/secret-rotations/**", "/api/v1/secret-rotation-providers/**");
        all(
                rows,
                NOT_YET,
                "/api/v1/projects/*/memberships",
                "/api/v1/projects/*/memberships/identities",
                "/api/v1/projects/*/memberships/users/**",
                "/api/v1/projects/*/memberships/groups/**");
        return List.copyOf(rows);
    }

    private static void all(List<Row> rows, String sentence, String... paths) {
        for (var path : paths) {
            rows.add(new Row(List.of(), path, false, sentence));
        }
    }
}
