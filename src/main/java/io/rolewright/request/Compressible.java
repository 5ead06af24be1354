package io.rolewright.request;

import jakarta.ws.rs.NameBinding;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Its answers are compressed for who accepts it, from {@link Gzip#SMALLEST} bytes on. Never on one with a password, token, key or secret in its
 * answer: there a length would tell of it, beside something that a caller chose. A test looks at every operation.
 */
@NameBinding
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.METHOD})
public @interface Compressible {}
