package io.dualwrite.checker;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;

/**
 * Every file that a checkpoint's metadata names, whatever kind of handle names it.
 *
 * <p>Goes through the fields of Flink's objects instead of their getters, so that no kind of handle
 * of any version can be forgotten. Knows only the leaves: files, and segments of files.
 */
final class References {

    /** The length that a file must have, or, of a segment, at least. */
    static final class Expected {
        final long length;
        final boolean exact;

        Expected(long length, boolean exact) {
            this.length = length;
            this.exact = exact;
        }
    }

    private static final String SEGMENT =
            "org.apache.flink.runtime.state.filemerging.SegmentFileStateHandle";

    private final Map<Path, Expected> files = new LinkedHashMap<>();
    private final Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Deque<Object> waiting = new ArrayDeque<>();

    private References() {}

    /** The files named by a {@code CheckpointMetadata} with what their lengths must be. */
    static Map<Path, Expected> of(Object metadata) throws ReflectiveOperationException {
        References references = new References();
        references.offer(metadata);
        while (!references.waiting.isEmpty()) {
            references.visit(references.waiting.remove());
        }
        return references.files;
    }

    private void offer(Object object) {
        if (object != null && seen.add(object)) {
            waiting.add(object);
        }
    }

    private void visit(Object object) throws ReflectiveOperationException {
        if (object instanceof FileStateHandle) {
            FileStateHandle handle = (FileStateHandle) object;
            add(handle.getFilePath(), new Expected(handle.getStateSize(), true));
        } else if (object.getClass().getName().equals(SEGMENT)) {
            Path path = (Path) call(object, "getFilePath");
            long start = (Long) call(object, "getStartPos");
            add(path, new Expected(start + ((StreamStateHandle) object).getStateSize(), false));
        } else if (object instanceof Collection) {
            ((Collection<?>) object).forEach(this::offer);
        } else if (object instanceof Map) {
            ((Map<?, ?>) object).values().forEach(this::offer);
        } else if (object instanceof Optional) {
            ((Optional<?>) object).ifPresent(this::offer);
        } else if (object instanceof Object[]) {
            for (int i = 0; i < Array.getLength(object); i++) {
                offer(Array.get(object, i));
            }
        } else if (object.getClass().getName().startsWith("org.apache.flink.")) {
            visitFields(object);
        }
    }

    private void visitFields(Object object) throws IllegalAccessException {
        for (Class<?> type = object.getClass(); type != null; type = type.getSuperclass()) {
            for (Field field : type.getDeclaredFields()) {
                boolean reference = !field.getType().isPrimitive();
                if (reference
                        && !Modifier.isStatic(field.getModifiers())
                        && type.getName().startsWith("org.apache.flink.")) {
                    field.setAccessible(true);
                    offer(field.get(object));
                }
            }
        }
    }

    private static Object call(Object target, String getter) throws ReflectiveOperationException {
        return target.getClass().getMethod(getter).invoke(target);
    }

    /** Of several segments of one file, the one that reaches furthest counts. */
    private void add(Path path, Expected expected) {
        Expected known = files.get(path);
        if (known == null || (!known.exact && known.length < expected.length)) {
            files.put(path, expected);
        }
    }
}
