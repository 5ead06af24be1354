package io.rolewright.development;

/** What the terminal shows when the development mode is up. It goes past the log, which is no place for a secret. */
final class Welcome {

    private Welcome() {}

    static String text(Workbench workbench, int httpPort) {
        String url = "http://localhost:" + httpPort;
        return """

                ── Rolewright is running on %1$s ──
                   API page       %1$s/api/docs
                   client id      %2$s
                   client secret  %3$s

                Try it: log in, create the sample connection, test it, read it back

                TOKEN=$(curl -s %1$s/api/v1/auth/universal-auth/login -H 'Content-Type: application/json' \\
                  -d '{"clientId":"%2$s","clientSecret":"%3$s"}' \\
                  | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')

                curl -s %1$s/api/v1/app-connections/postgres -H "Authorization: Bearer $TOKEN" \\
                  -H 'Content-Type: application/json' -d '{"name":"sample","method":"username-and-password","credentials":
                  {"host":"%4$s","port":%5$d,"database":"%6$s","username":"%7$s","password":"%8$s","sslEnabled":false}}'

                ID=$(curl -s %1$s/api/v1/app-connections/postgres/connection-name/sample -H "Authorization: Bearer $TOKEN" \\
                  | sed 's/.*"id":"\\([^"]*\\)","name":"sample".*/\\1/')

                curl -s -X POST %1$s/api/v1/app-connections/postgres/$ID/test -H "Authorization: Bearer $TOKEN" \\
                  -H 'Content-Type: application/json' -d '{"roles":["%9$s","%10$s"]}'

                curl -s %1$s/api/v1/app-connections/postgres/$ID -H "Authorization: Bearer $TOKEN"
                """.formatted(
                        url,
                        workbench.clientId(),
                        workbench.clientSecret(),
                        workbench.server().host(),
                        workbench.server().port(),
                        Workbench.SAMPLE_DATABASE,
                        Workbench.MANAGING_ROLE,
                        workbench.managerPassword(),
                        Workbench.FIRST_ROLE,
                        Workbench.SECOND_ROLE);
    }
}
