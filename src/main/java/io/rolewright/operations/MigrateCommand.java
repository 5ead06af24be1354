package io.rolewright.operations;

import io.quarkus.runtime.PreventFurtherStepsException;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.runtime.annotations.CommandLineArguments;
import io.rolewright.store.Schema;
import io.rolewright.store.StartupStep;
import io.rolewright.store.StoreFault;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.io.PrintStream;
import java.util.Arrays;

/**
 * {@code --migrate}: brings the schema up to date and ends, for deployments that let a job with another database role do
 * it. It runs before anything else and never opens a port; it wants the settings of the store and no other.
 */
@ApplicationScoped
class MigrateCommand {

    private static final String OPTION = "--migrate";

    private final String[] arguments;
    private final Schema schema;

    MigrateCommand(@CommandLineArguments String[] arguments, Schema schema) {
        this.arguments = arguments;
        this.schema = schema;
    }

    void run(@Observes @Priority(1) StartupEvent event) {
        if (!Arrays.asList(arguments).contains(OPTION)) {
            return;
        }
        try {
            int applied = schema.migrate().await().atMost(schema.limit());
            end(0, applied == 0 ? "The schema is up to date." : "Migrations applied: " + applied + ".", System.out);
        } catch (StartupStep.NotReady refused) {
            end(1, "The schema could not be migrated: " + refused.getMessage(), System.err);
        } catch (RuntimeException fault) {
            end(1, "The schema could not be migrated: " + StoreFault.describe(fault), System.err);
        }
        // Ends the start quietly, before any port is open.
        throw new PreventFurtherStepsException();
    }

    private static void end(int exitCode, String sentence, PrintStream stream) {
        stream.println(sentence);
        Quarkus.asyncExit(exitCode);
    }
}
