package io.rolewright.testing;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What is said to a server through a {@link TcpProxy}: which statements are sent, and how often the server is made to wait for its disk.
 * Speed is a count first, and a count is the same on every machine.
 */
public final class StoreTraffic {

    private static final Pattern WRITES = Pattern.compile("\\b(insert|update|delete)\\b(?! skip)");

    /**
     * What a process asks by itself, whatever it is asked: which keys there are, which tokens were revoked, whether the store went back (of
     * each new session, too), the numbers of a scrape, and whether the audit is to be pruned.
     */
    private static final Pattern BY_ITSELF = Pattern.compile(
            "data_key|key_holder|key_run|signing_key|store_pulse|pg_database_size|has_table_privilege|count\\(\\*\\) AS n FROM");

    private final List<Sent> sent = new ArrayList<>();

    private record Sent(int session, String sql) {}

    /**
     * @param commits statements and transactions that write, each of which the disk is waited for
     * @param sessions that were begun
     */
    public record Counted(List<String> statements, int commits, int sessions) {}

    private int begun;

    private StoreTraffic() {}

    public static StoreTraffic through(TcpProxy proxy) {
        StoreTraffic traffic = new StoreTraffic();
        proxy.always(
                message -> {
                    if (message.request() && (message.type() == 'B' || message.type() == 'Q')) {
                        traffic.add(new Sent(message.session(), message.sql()));
                    } else if (message.request() && message.type() == 0) {
                        traffic.begins();
                    }
                    return false; // it is only listened to
                },
                () -> TcpProxy.Fate.PASS);
        return traffic;
    }

    private synchronized void add(Sent statement) {
        if (!BY_ITSELF.matcher(statement.sql()).find()) {
            sent.add(statement);
        }
    }

    private synchronized void begins() {
        begun++;
    }

    private synchronized int begun() {
        return begun;
    }

    /** What is sent while {@code work} runs. Empty statements, BEGIN and COMMIT are round trips too, and count. */
    public Counted during(Runnable work) {
        int before = size();
        int sessions = begun();
        work.run();
        return counted(before, begun() - sessions);
    }

    private synchronized int size() {
        return sent.size();
    }

    private synchronized Counted counted(int before, int sessions) {
        Set<Integer> inTransaction = new HashSet<>();
        Set<Integer> written = new HashSet<>();
        int commits = 0;
        for (Sent statement : sent.subList(before, sent.size())) {
            String words = statement.sql().strip().toLowerCase(Locale.ROOT);
            if (words.startsWith("begin")) {
                inTransaction.add(statement.session());
            } else if (words.startsWith("commit") || words.startsWith("rollback")) {
                inTransaction.remove(statement.session());
                commits += written.remove(statement.session()) && words.startsWith("commit") ? 1 : 0;
            } else if (WRITES.matcher(words.replace("for update", "")).find()) {
                if (inTransaction.contains(statement.session())) {
                    written.add(statement.session());
                } else {
                    commits++;
                }
            }
        }
        return new Counted(
                sent.subList(before, sent.size()).stream().map(Sent::sql).toList(), commits, sessions);
    }
}
