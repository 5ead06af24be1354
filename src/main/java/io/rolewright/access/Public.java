package io.rolewright.access;

import jakarta.ws.rs.NameBinding;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The endpoint answers without an access token. Use it for logins and the status, and for nothing else.
 *
 * <p>A name binding and not a plain annotation, so that the build decides which endpoints carry it and no reflection is
 * needed at run time.
 */
@NameBinding
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.METHOD})
public @interface Public {}
