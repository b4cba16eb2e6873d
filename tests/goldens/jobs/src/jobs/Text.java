// Texts that begin with a number and do not compress, so that state has the size that it should.
package jobs;

import java.util.Random;

final class Text {
    static String of(long number, int padding) {
        StringBuilder text = new StringBuilder().append(number).append(' ');
        Random random = new Random(number);
        for (int i = 0; i < padding; i++) {
            text.append((char) ('!' + random.nextInt(90)));
        }
        return text.toString();
    }

    static long number(String text) {
        return Long.parseLong(text.substring(0, text.indexOf(' ')));
    }

    private Text() {}
}
