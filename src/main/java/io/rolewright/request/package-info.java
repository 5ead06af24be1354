/**
 * What is true of one HTTP request whatever it asks for: its id, its deadline.
 *
 * <p>Start reading at {@link io.rolewright.request.RequestContext}.
 */
@NullMarked
package io.rolewright.request;

import org.jspecify.annotations.NullMarked;
