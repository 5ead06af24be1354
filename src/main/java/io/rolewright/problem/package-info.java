/**
 * The one error shape of the service and the only exception mappers.
 *
 * <p>What we understand and will not do is a {@link io.rolewright.problem.Problem}; every feature declares its own. Bad
 * input is a {@link io.rolewright.problem.ValidationProblem} that names the field. Anything else is a bug or a fault: the
 * caller gets a generic sentence and the request id, the log gets the cause. Start reading at {@code ProblemMappers}.
 */
@NullMarked
package io.rolewright.problem;

import org.jspecify.annotations.NullMarked;
