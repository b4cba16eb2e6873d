package io.dualwrite.flink;

import org.apache.flink.configuration.ConfigOption;

/**
 * A value that is not accepted: which key, which value, and what would be. Never leaves this
 * package.
 */
final class InvalidOptionException extends Exception {

    private static final long serialVersionUID = 1L;

    InvalidOptionException(ConfigOption<?> option, String value, String accepted) {
        super(
                String.format(
                        "The value '%s' of %s is not accepted; accepted is %s.",
                        value, option.key(), accepted));
    }
}
