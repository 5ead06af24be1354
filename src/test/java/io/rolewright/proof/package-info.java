/**
 * What is promised about the whole, proved on real servers and real processes: nothing is lost when a process is killed at any
 * moment, and no secret is found where it does not belong. Start reading at {@link io.rolewright.testing.Installation}.
 */
package io.rolewright.proof;
