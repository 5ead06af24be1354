package io.rolewright.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.vertx.VertxContextSupport;
import io.rolewright.audit.AuditLog;
import io.rolewright.sealing.RowSeals;
import io.rolewright.sealing.Sealer;
import io.rolewright.store.StartupStep.NotReady;
import io.rolewright.testing.TestStore;
import io.vertx.core.Vertx;
import io.vertx.mutiny.sqlclient.Pool;
import jakarta.inject.Inject;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** First starts on the store of the service under test, emptied of what access keeps there and restored afterwards. */
@QuarkusTest
class BootstrapTest {

    @Inject
    Pool pool;

    @Inject
    RowSeals seals;

    @Inject
    Sealer sealer;

    @Inject
    AuditLog audit;

    @Inject
    Clock clock;

    @Inject
    Vertx vertx;

    @Inject
    AccessConfig access;

    @BeforeEach
    void emptyTheStore() {
        TestStore.sql("""
                create table kept_organisation as select * from organisation;
                create table kept_identity as select id, name, client_id, created_at, updated_at, row_seal from identity;
                create table kept_client_secret as
                    select id, identity_id, fingerprint, created_at, description, prefix, expires_at, uses_limit, uses, trusted_ips, row_seal
                    from client_secret;
                create table kept_role_binding as select identity_id, project_id, role, id, row_seal from role_binding;
                create table kept_signing_key as select id, sealed, created_at from signing_key;
                delete from organisation; delete from identity; delete from signing_key;
                update project set name = 'kept', slug = 'kept' where slug = 'default'""");
    }

    @AfterEach
    void restoreTheStore() {
        TestStore.sql("""
                delete from organisation; delete from identity; delete from signing_key;
                delete from project where slug = 'default';
                update project set name = 'default', slug = 'default' where slug = 'kept';
                insert into organisation select * from kept_organisation;
                insert into identity (id, name, client_id, created_at, updated_at, row_seal) select * from kept_identity;
                insert into client_secret (id, identity_id, fingerprint, created_at, description, prefix, expires_at, uses_limit, uses,
                    trusted_ips, row_seal) select * from kept_client_secret;
                insert into role_binding (identity_id, project_id, role, id, row_seal) select * from kept_role_binding;
                insert into signing_key (id, sealed, created_at) select id, sealed, created_at from kept_signing_key;
                drop table kept_organisation, kept_identity, kept_client_secret, kept_role_binding, kept_signing_key""");
    }

    @Test
    void severalReplicasMakeOneOfEach() {
        var before = bootstrapEvents();
        var starts = new ArrayList<CompletableFuture<Replica>>();
        for (int i = 0; i < 4; i++) {
            starts.add(CompletableFuture.supplyAsync(
                    () -> new Replica(set("first", "the secret of the first identity")).start()));
        }
        var replicas = starts.stream().map(CompletableFuture::join).toList();

        assertThat(count("organisation")).isOne();
        assertThat(count("identity")).isOne();
        assertThat(count("client_secret")).isOne();
        assertThat(count("signing_key")).isOne();
        assertThat(count("project where slug = 'default'")).isOne();
        assertThat(bootstrapEvents()).isEqualTo(before + 1);
        assertThat(replicas)
                .extracting(replica -> replica.organisation.id())
                .containsOnly(replicas.get(0).organisation.id());
        var token = replicas.get(0).sign();
        assertThat(replicas)
                .allSatisfy(replica -> assertThat(replica.ledger.judge(token)).isNotNull());
    }

    @Test
    void isAppliedOnce() {
        new Replica(set("first", "the secret of the first identity")).start();
        var fingerprint = TestStore.sql("select encode(fingerprint, 'hex') from client_secret")
                .get(0)
                .getString(0);

        new Replica(set("second", "another secret of a second identity")).start();
        new Replica(set("first", "another secret of the first identity")).start();

        assertThat(count("identity where client_id = 'first'")).isOne();
        assertThat(count("identity")).isOne();
        assertThat(TestStore.sql("select encode(fingerprint, 'hex') from client_secret")
                        .get(0)
                        .getString(0))
                .isEqualTo(fingerprint);
    }

    @Test
    void aStoreWithAnIdentityNeedsNoSettings() {
        var first = new Replica(set("first", "the secret of the first identity")).start();

        var second = new Replica(unset()).start();

        assertThat(second.organisation.id()).isEqualTo(first.organisation.id());
    }

    @Test
    void anEmptyStoreWithoutSettingsIsNotReadyAndSaysWhy() {
        var replica = new Replica(unset());

        assertThatThrownBy(replica::start)
                .isInstanceOf(NotReady.class)
                .hasMessageContaining("ROLEWRIGHT_BOOTSTRAP_CLIENT_ID")
                .hasMessageContaining("ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET_FILE");
        assertThatThrownBy(replica.organisation::id).hasMessageContaining("starting");
        assertThat(count("organisation")).isZero();
        assertThat(count("project where slug = 'default'")).isZero();
    }

    @Test
    void malformedSettingsAreNotReadyToo() {
        assertThatThrownBy(() -> new Replica(set("first", "too short")).start())
                .isInstanceOf(NotReady.class)
                .hasMessageContaining("32 to 1024 characters")
                .hasMessageNotContaining("too short");
    }

    /** What one process holds; the store is shared. */
    private final class Replica {

        final Organisation organisation = new Organisation();
        final Standings standings = new Standings(pool, seals);
        final TokenLedger ledger = new TokenLedger(pool, sealer, organisation, standings, clock, access);
        private final Bootstrap bootstrap;

        Replica(BootstrapConfig config) {
            bootstrap = new Bootstrap(config, ledger, sealer, seals, audit, clock, vertx);
        }

        Replica start() {
            try {
                VertxContextSupport.subscribeAndAwait(bootstrap::run);
                return this;
            } catch (RuntimeException e) {
                throw e;
            } catch (Throwable e) {
                throw new AssertionError(e);
            }
        }

        String sign() {
            var tokens = new Tokens(
                    ledger, seals, new Callers(ledger, standings, sealer, clock), null, audit, access, clock);
            return ledger.sign(tokens.start(UUID.randomUUID(), "any", UUID.randomUUID(), null, null, null));
        }
    }

    private static long count(String from) {
        return TestStore.sql("select count(*) from " + from).get(0).getLong(0);
    }

    private static long bootstrapEvents() {
        return count("audit_event where type = 'bootstrap-identity'");
    }

    private static BootstrapConfig unset() {
        return settings(Optional.empty(), Optional.empty());
    }

    private static BootstrapConfig set(String id, String secret) {
        return settings(Optional.of(id), Optional.of(secret));
    }

    private static BootstrapConfig settings(Optional<String> id, Optional<String> secret) {
        return new BootstrapConfig() {
            @Override
            public Optional<String> clientId() {
                return id;
            }

            @Override
            public Optional<String> clientSecret() {
                return secret;
            }

            @Override
            public Optional<Path> clientSecretFile() {
                return Optional.empty();
            }
        };
    }
}
