package io.rolewright;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import io.rolewright.access.Rights;
import io.rolewright.idempotency.ProvenRight;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The house: which package may use which. A name on the left may use those on the right, and all may use
 * {@link #EVERYONES}; nothing points back. A package that is not listed here fails the test: give it its place.
 */
@AnalyzeClasses(packages = "io.rolewright", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    private static final String ROOT = "io.rolewright";

    /** The error shape, the store's contract, what a request is, and a clock. */
    private static final Set<String> EVERYONES = Set.of("problem", "store", "request");

    private static final Set<String> FACTS = Set.of("sealing", "audit", "outbox", "idempotency");

    private static final Map<String, Set<String>> ARROWS = Map.ofEntries(
            Map.entry("console", Set.of()),
            Map.entry(
                    "operations",
                    Set.of(
                            "delivery",
                            "rotation",
                            "connection",
                            "credential",
                            "target",
                            "password",
                            "sealing",
                            "access",
                            "outbox",
                            "audit",
                            "idempotency",
                            "listener",
                            "work")),
            Map.entry("listener", Set.of("access")),
            Map.entry("delivery", with(FACTS, "rotation", "connection", "credential", "target", "access", "work")),
            Map.entry("rotation", with(FACTS, "connection", "credential", "access", "target")),
            Map.entry("connection", with(FACTS, "credential", "target", "access")),
            Map.entry("credential", with(FACTS, "target", "password")),
            Map.entry("access", with(FACTS, "target")),
            Map.entry("idempotency", Set.of("sealing")),
            Map.entry("target", Set.of("password")),
            Map.entry("work", Set.of()),
            Map.entry("password", Set.of()),
            Map.entry("sealing", Set.of()),
            Map.entry("outbox", Set.of()),
            Map.entry("audit", Set.of()),
            Map.entry("request", Set.of("problem")),
            Map.entry("store", Set.of()),
            Map.entry("problem", Set.of("store")), // to tell an outage of the store from a fault
            Map.entry("development", Set.of()));

    @ArchTest
    static final ArchRule everyPackageUsesOnlyWhatItsArrowsAllow = ArchRuleDefinition.classes()
            .should(new ArchCondition<>("use only what its package's arrows allow") {
                @Override
                public void check(JavaClass from, ConditionEvents events) {
                    for (Dependency dependency : from.getDirectDependenciesFromSelf()) {
                        String user = feature(from);
                        String used = feature(dependency.getTargetClass());
                        if (used != null && !isAllowed(user, used)) {
                            events.add(SimpleConditionEvent.violated(from, dependency.getDescription()));
                        }
                    }
                }
            });

    @ArchTest
    static final ArchRule noPackagesGoRoundInCircles =
            slices().matching(ROOT + ".(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule nothingButTheDevelopmentModeUsesTheEmbeddedPostgres = noClasses()
            .that()
            .resideOutsideOfPackage(ROOT + ".development..")
            .should()
            .dependOnClassesThat(resideInAPackage(ROOT + ".development..")
                    .or(resideInAPackage("org.apache.commons.compress.."))
                    .or(resideInAPackage("org.tukaani..")));

    /** What a class makes when it is loaded is made when the executable is built, and would be the same number in all of them. */
    @ArchTest
    static final ArchRule noChanceIsMadeWhenTheExecutableIsBuilt = ArchRuleDefinition.noFields()
            .that()
            .areStatic()
            .and()
            .areDeclaredInClassesThat(resideOutsideOfPackage(ROOT + ".development.."))
            .should()
            .haveRawType(JavaClass.Predicates.assignableTo(Random.class));

    /** Who could make one himself could give an earlier reply to somebody who has lost the right to it. */
    @ArchTest
    static final ArchRule onlyRightsProvesRights = ArchRuleDefinition.classes()
            .that()
            .areAssignableTo(ProvenRight.class)
            .and()
            .doNotHaveFullyQualifiedName(ProvenRight.class.getName())
            .should()
            .bePrivate()
            .andShould()
            .haveNameMatching(java.util.regex.Pattern.quote(Rights.class.getName()) + "\\$.*");

    @ArchTest
    static void everyPackageHasItsPlace(com.tngtech.archunit.core.domain.JavaClasses classes) {
        assertThat(classes.stream().map(ArchitectureTest::feature).filter(name -> name != null && !name.isEmpty()))
                .allSatisfy(name -> assertThat(ARROWS).containsKey(name));
    }

    @ArchTest
    static void thePageOfTheArchitectureHasTheseArrows(com.tngtech.archunit.core.domain.JavaClasses classes)
            throws IOException {
        String table = ARROWS.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(arrow -> "| `" + arrow.getKey() + "` | "
                        + (arrow.getValue().isEmpty()
                                ? "libraries only"
                                : arrow.getValue().stream()
                                        .sorted()
                                        .map(used -> "`" + used + "`")
                                        .collect(Collectors.joining(", ")))
                        + " |\n")
                .collect(Collectors.joining("", "| package | may use |\n|---|---|\n", "\n"));

        assertThat(Files.readString(Path.of("docs/architecture.md"))).contains("\n\n" + table);
    }

    /** @return the package below the root that the class is in, empty for the root itself, null for a library's class */
    private static String feature(JavaClass type) {
        String name = type.getBaseComponentType().getPackageName();
        if (name.equals(ROOT)) {
            return "";
        }
        return name.startsWith(ROOT + ".") ? name.substring(ROOT.length() + 1).split("\\.")[0] : null;
    }

    private static boolean isAllowed(String user, String used) {
        if (user == null || user.isEmpty()) {
            return !"development".equals(used); // Main and its settings may look at everything else
        }
        boolean base = EVERYONES.contains(user) || "development".equals(user);
        return user.equals(used)
                || !base && EVERYONES.contains(used)
                || ARROWS.getOrDefault(user, Set.of()).contains(used);
    }

    private static Set<String> with(Set<String> facts, String... more) {
        return Stream.concat(facts.stream(), Stream.of(more)).collect(Collectors.toUnmodifiableSet());
    }
}
