// Takes what a serializer writes, and notes the tags: the bytes that say of which form a state is.
// It knows them by who writes them, so it relies on no list of them.
package goldens;

import java.io.ByteArrayOutputStream;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

final class Tags extends ByteArrayOutputStream {
    private final SortedSet<String> lines = new TreeSet<>();

    /** As {@code keyed 05}. */
    SortedSet<String> lines() {
        return lines;
    }

    @Override
    public synchronized void write(int value) {
        super.write(value);
        StackWalker.getInstance()
                .walk(frames -> frames.skip(1).limit(2).map(Tags::place).reduce((a, b) -> b))
                .flatMap(place -> kind(place, value))
                .ifPresent(kind -> lines.add(String.format("%s %02d", kind, value)));
    }

    private static String place(StackWalker.StackFrame frame) {
        String type = frame.getClassName();
        return type.substring(type.lastIndexOf('.') + 1) + '.' + frame.getMethodName();
    }

    private static Optional<String> kind(String place, int value) {
        if (place.endsWith(".serializeStreamStateHandle")) {
            return Optional.of("stream");
        } else if (place.endsWith(".serializeKeyedStateHandle")) {
            return Optional.of("keyed");
        } else if (place.endsWith(".serializeOperatorStateHandle") && value > 2) {
            // The modes of the parts are bytes too: 0 to 2.
            return Optional.of("operator");
        } else if (place.startsWith("ChannelStateHandleSerializer")
                && place.endsWith(".serialize")) {
            return Optional.of("channel");
        }
        return Optional.empty();
    }
}
