package io.rolewright.development;

/** What the terminal shows when the development mode is up. It goes past the log, which is no place for a secret. */
final class Welcome {

    private static final String TEXT = """

            ── Rolewright is running ───────────────────────────────────────────────────────────
               console        %1$s/console/
               API            %1$s/api/v1
               API document   %1$s/api/openapi
               client id      %2$s
               client secret  %3$s

            To log in, create the sample connection, test it and read it back, paste these:

            API=%1$s/api/v1 JSON='Content-Type: application/json'
            AUTH="Authorization: Bearer $(curl -s $API/auth/universal-auth/login -H "$JSON" -d \\
              '{"clientId":"%2$s","clientSecret":"%3$s"}' \\
              | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')"

            curl -sw '\\n' $API/app-connections/postgres -H "$AUTH" -H "$JSON" -d '{"name":"sample",
              "method":"username-and-password","credentials":{"host":"%4$s","port":%5$d,
              "database":"%6$s","username":"%7$s","sslEnabled":false,
              "password":"%8$s"}}'

            ID=$(curl -s $API/app-connections/postgres/connection-name/sample -H "$AUTH" \\
              | sed 's/.*"appConnection":{"id":"\\([^"]*\\)".*/\\1/')
            curl -sw '\\n' $API/app-connections/postgres/$ID/test -H "$AUTH" -H "$JSON" \\
              -d '{"roles":["%9$s","%10$s"]}'
            curl -sw '\\n' $API/app-connections/postgres/$ID -H "$AUTH"
            """;

    private Welcome() {}

    static String text(Workbench workbench, int httpPort) {
        return TEXT.formatted(
                "http://localhost:" + httpPort,
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
