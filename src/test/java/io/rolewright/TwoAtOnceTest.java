package io.rolewright;

import static com.tngtech.archunit.core.domain.JavaAccess.Predicates.target;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import io.quarkus.hibernate.reactive.panache.PanacheEntityBase;
import io.quarkus.hibernate.reactive.panache.PanacheRepositoryBase;
import io.rolewright.store.Awaited;
import io.rolewright.store.SharedAnswer;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import jakarta.persistence.CascadeType;
import jakarta.persistence.OneToOne;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import org.hibernate.reactive.mutiny.Mutiny;
import org.hibernate.reactive.stage.Stage;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two mistakes that no test of one request shows, since it takes two that meet: a delete by Hibernate Reactive's session, which keeps
 * what is under way in one field for all of them, and an answer for several that goes on in the context of one.
 */
@AnalyzeClasses(packages = "io.rolewright", importOptions = ImportOption.DoNotIncludeTests.class)
class TwoAtOnceTest {

    // ---- Deletes --------------------------------------------------------------------------------------------------

    @ArchTest
    static final ArchRule rowsAreDeletedByStatements = noClasses()
            .should()
            .accessTargetWhere(target(new DescribedPredicate<AccessTarget>("is Hibernate Reactive's own delete") {
                @Override
                public boolean test(AccessTarget target) {
                    return deletesThroughTheSession(target);
                }
            }))
            .because("of two such deletes that meet one never ends: use store.Rows");

    @ArchTest
    static final ArchRule noRowGoesWithAnother = fields().should(new ArchCondition<>("not cascade deletes") {
                @Override
                public void check(JavaField field, ConditionEvents events) {
                    if (cascades(field)) {
                        events.add(SimpleConditionEvent.violated(field, field.getFullName() + " cascades"));
                    }
                }
            })
            .because("that is the same delete: the foreign key says ON DELETE CASCADE")
            .allowEmptyShould(true);

    private static boolean deletesThroughTheSession(AccessTarget target) {
        JavaClass owner = target.getOwner();
        String name = target.getName();
        if (owner.isAssignableTo(Mutiny.Session.class) || owner.isAssignableTo(Stage.Session.class)) {
            return name.startsWith("remove");
        }
        if (owner.isAssignableTo(Mutiny.StatelessSession.class) || owner.isAssignableTo(Stage.StatelessSession.class)) {
            return name.startsWith("delete");
        }
        if (owner.isAssignableTo(PanacheEntityBase.class) || owner.isAssignableTo(PanacheRepositoryBase.class)) {
            return name.equals("deleteById") || name.equals("delete") && takesAtMostARow(target);
        }
        return false;
    }

    /** And no query, as Panache's other {@code delete} does. */
    private static boolean takesAtMostARow(AccessTarget target) {
        return target instanceof AccessTarget.CodeUnitAccessTarget called
                && called.getRawParameterTypes().stream().allMatch(type -> type.isEquivalentTo(Object.class));
    }

    private static boolean cascades(JavaField field) {
        return field.getAnnotations().stream()
                .map(annotation -> annotation.getProperties())
                .anyMatch(properties -> Boolean.TRUE.equals(properties.get("orphanRemoval"))
                        || properties.get("cascade") instanceof Object[] cascade && cascade.length > 0);
    }

    // ---- Answers --------------------------------------------------------------------------------------------------

    /** They bring each answer back into the context that asks. */
    private static final Set<String> HELPERS = Set.of(SharedAnswer.class.getName(), Awaited.class.getName());

    /** Keeps the end of one session for the next of the same request, and goes on in the context of that. */
    private static final String ADMISSION = "io.rolewright.target.Admission";

    @ArchTest
    static final ArchRule anAnswerForSeveralIsASharedAnswer = noClasses()
            .that(new DescribedPredicate<JavaClass>("are not the helpers") {
                @Override
                public boolean test(JavaClass type) {
                    return !HELPERS.contains(type.getName());
                }
            })
            .should()
            .callMethod(Uni.class, "memoize")
            .because("it goes on in the context of whoever came first: use store.SharedAnswer");

    @ArchTest
    static final ArchRule noAnswerIsKeptForOthers = fields().should(
                    new ArchCondition<>("not hold an answer that is under way") {
                        @Override
                        public void check(JavaField field, ConditionEvents events) {
                            if (keepsAnAnswer(field)) {
                                events.add(SimpleConditionEvent.violated(
                                        field,
                                        field.getFullName() + " is a "
                                                + field.getType().getName()));
                            }
                        }
                    })
            .because(
                    "whoever waits goes on in the context of whoever says it: use store.SharedAnswer or store.Awaited");

    /** Work that is not begun yet, {@code Supplier<Uni<T>>}, is none. */
    private static boolean keepsAnAnswer(JavaField field) {
        String owner = field.getOwner().getName();
        return !HELPERS.contains(owner)
                && !owner.equals(ADMISSION)
                && !owner.startsWith(ADMISSION + "$")
                && !field.getRawType().getPackageName().equals("java.util.function")
                && field.getType().getAllInvolvedRawTypes().stream()
                        .anyMatch(type -> type.isAssignableTo(Uni.class)
                                || type.isAssignableTo(UniEmitter.class)
                                || type.isAssignableTo(CompletionStage.class));
    }

    // ---- The rules themselves -------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(classes = {BySession.class, ByReference.class, ByRepository.class, ById.class, ByEntity.class})
    void deletesThroughTheSessionAreFound(Class<?> planted) {
        assertFound(rowsAreDeletedByStatements, planted);
    }

    @ParameterizedTest
    @ValueSource(classes = {Cascading.class, Orphaning.class})
    void cascadesAreFound(Class<?> planted) {
        assertFound(noRowGoesWithAnother, planted);
    }

    @ParameterizedTest
    @ValueSource(classes = Memoizing.class)
    void memoizedAnswersAreFound(Class<?> planted) {
        assertFound(anAnswerForSeveralIsASharedAnswer, planted);
    }

    @ParameterizedTest
    @ValueSource(classes = {Keeping.class, KeepingMany.class, Waiting.class})
    void keptAnswersAreFound(Class<?> planted) {
        assertFound(noAnswerIsKeptForOthers, planted);
    }

    private static void assertFound(ArchRule rule, Class<?> planted) {
        assertThatThrownBy(() -> rule.check(new ClassFileImporter().importClasses(planted)))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining(planted.getSimpleName());
    }

    static class Row extends PanacheEntityBase {
        UUID id;
    }

    abstract static class Repository implements PanacheRepositoryBase<Row, UUID> {}

    static class BySession {
        Uni<Void> end(Mutiny.Session session, Row row) {
            return session.remove(row);
        }
    }

    static class ByReference {
        Uni<Void> end(Mutiny.Session session, Uni<Row> row) {
            return row.chain(session::remove);
        }
    }

    static class ByRepository {
        Uni<Void> end(Repository repository, Row row) {
            return repository.delete(row);
        }
    }

    static class ById {
        Uni<Boolean> end(Repository repository, UUID id) {
            return repository.deleteById(id);
        }
    }

    static class ByEntity {
        Uni<Void> end(Row row) {
            return row.delete();
        }
    }

    static class Cascading {
        @OneToOne(cascade = CascadeType.ALL)
        Row other;
    }

    static class Orphaning {
        @OneToOne(orphanRemoval = true)
        Row other;
    }

    static class Memoizing {
        Uni<String> shared(Uni<String> answer) {
            return answer.memoize().indefinitely();
        }
    }

    static class Keeping {
        Uni<String> running;
    }

    static class KeepingMany {
        Map<UUID, Uni<String>> running;
    }

    static class Waiting {
        List<UniEmitter<? super String>> waiting;
    }
}
