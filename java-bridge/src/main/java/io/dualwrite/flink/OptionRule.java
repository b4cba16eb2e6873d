package io.dualwrite.flink;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.ReadableConfig;

/**
 * What values one option takes, in words and as a test, and how a value is written for the native
 * library. Looks at no other option.
 */
final class OptionRule<T> {

    final ConfigOption<T> option;

    /** As it is put behind "accepted is" and into the documentation. */
    final String accepted;

    private final Predicate<T> test;
    private final Function<T, String> base;

    private OptionRule(
            ConfigOption<T> option, String accepted, Predicate<T> test, Function<T, String> base) {
        this.option = option;
        this.accepted = accepted;
        this.test = test;
        this.base = base;
    }

    static OptionRule<String> text(
            ConfigOption<String> option, String accepted, Predicate<String> test) {
        return new OptionRule<>(option, accepted, test, value -> value);
    }

    static OptionRule<List<String>> list(
            ConfigOption<List<String>> option, String accepted, Predicate<String> each) {
        return new OptionRule<>(
                option,
                accepted,
                values -> values.stream().allMatch(each),
                values -> String.join(";", values));
    }

    static OptionRule<Boolean> bool(ConfigOption<Boolean> option) {
        return new OptionRule<>(option, "true or false", value -> true, String::valueOf);
    }

    static OptionRule<Integer> atLeastOne(ConfigOption<Integer> option) {
        return new OptionRule<>(
                option, "a whole number from 1", value -> value >= 1, String::valueOf);
    }

    static OptionRule<Integer> between(ConfigOption<Integer> option, int least, int most) {
        return new OptionRule<>(
                option,
                String.format("a whole number from %d to %d", least, most),
                value -> value >= least && value <= most,
                String::valueOf);
    }

    /** Written in bytes; the bounds are in Flink's own form. */
    static OptionRule<MemorySize> memory(
            ConfigOption<MemorySize> option, String least, String most) {
        final MemorySize from = MemorySize.parse(least);
        final MemorySize to = MemorySize.parse(most);
        return new OptionRule<>(
                option,
                String.format("a size from %s to %s, such as 64mb", least, most),
                value -> value.compareTo(from) >= 0 && value.compareTo(to) <= 0,
                value -> String.valueOf(value.getBytes()));
    }

    /** Written in milliseconds. */
    static OptionRule<Duration> duration(ConfigOption<Duration> option, long leastMs) {
        return new OptionRule<>(
                option,
                String.format("a duration from %d ms, such as 30 s", leastMs),
                value -> value.toMillis() >= leastMs,
                value -> String.valueOf(value.toMillis()));
    }

    /** The value, the default if it is not set, empty if there is none. */
    Optional<T> read(ReadableConfig config) throws InvalidOptionException {
        try {
            final T value = config.get(option);
            if (value == null || test.test(value)) {
                return Optional.ofNullable(value);
            }
        } catch (IllegalArgumentException | ArithmeticException unreadable) {
            // not of the option's type, or beyond what a long holds: refused like any other
        }
        throw refuse(config);
    }

    /** The value in base units, as the native library takes it. */
    Optional<String> readBase(ReadableConfig config) throws InvalidOptionException {
        return read(config).map(base);
    }

    InvalidOptionException refuse(ReadableConfig config) {
        return refuse(config, "");
    }

    /** With a further condition, which this rule cannot know. */
    InvalidOptionException refuse(ReadableConfig config, String further) {
        final String raw =
                config.get(ConfigOptions.key(option.key()).stringType().noDefaultValue());
        return new InvalidOptionException(option, raw, accepted + further);
    }
}
