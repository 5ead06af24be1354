/**
 * The console: pages that show and do what the REST API offers, for people.
 *
 * <p>The pages are in {@code src/main/resources/web}, bundled at build time into two files; they call the public API as
 * anybody may, with a token that stays in the memory of the page. Here is only what a page needs of the server besides its
 * files: its paths and the headers that keep everything else out of it.
 */
@NullMarked
package io.rolewright.console;

import org.jspecify.annotations.NullMarked;
