package io.rolewright.credential;

import io.rolewright.password.PasswordPolicy;
import io.smallrye.mutiny.Uni;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** Owns the managed roles of tests, and remembers what it was told. */
@Singleton
class TestOwner implements RoleOwner {

    static final Terms USUAL = new Terms(0, false, false, PasswordPolicy.ROLES, DriftPolicy.REPORT);

    final Map<UUID, Terms> terms = new ConcurrentHashMap<>();
    final List<Promotion> promotions = new CopyOnWriteArrayList<>();
    final List<Ending> endings = new CopyOnWriteArrayList<>();
    final List<Notice> notices = new CopyOnWriteArrayList<>();
    final List<String> takenOver = new CopyOnWriteArrayList<>();

    @Override
    public String kind() {
        return "test";
    }

    @Override
    public Uni<Named> named(UUID ownerId) {
        return Uni.createFrom().nullItem();
    }

    @Override
    public Uni<Terms> terms(UUID ownerId, UUID roleId) {
        return Uni.createFrom().item(terms.getOrDefault(ownerId, USUAL));
    }

    @Override
    public Uni<Instant> promoted(Promotion promotion) {
        promotions.add(promotion);
        return Uni.createFrom().nullItem();
    }

    @Override
    public Uni<Next> ended(Ending ending) {
        endings.add(ending);
        return Uni.createFrom().item(new Next(null, null));
    }

    @Override
    public Uni<Void> takesOver(UUID ownerId, UUID roleId, String replaced, Instant at) {
        takenOver.add(replaced + " by " + ownerId);
        return Uni.createFrom().voidItem();
    }

    @Override
    public Uni<Void> noticed(Notice notice) {
        notices.add(notice);
        return Uni.createFrom().voidItem();
    }

    List<String> noticesOf(UUID roleId) {
        return notices.stream()
                .filter(each -> each.roleId().equals(roleId))
                .map(Notice::reason)
                .toList();
    }
}
