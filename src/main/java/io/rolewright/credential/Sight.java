package io.rolewright.credential;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What of this installation a caller may be told about. */
@FunctionalInterface
public interface Sight {

    /**
     * @param kind {@code rotation} or {@code connection}
     * @param projectId null for one of the organisation
     */
    boolean sees(String kind, @Nullable UUID projectId);
}
