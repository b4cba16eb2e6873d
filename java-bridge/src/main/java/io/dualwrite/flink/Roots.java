package io.dualwrite.flink;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Objects;

/**
 * What a root of paths may look like, and whether two overlap. Compares as text: asks no file
 * system and no DNS.
 */
final class Roots {

    private Roots() {}

    /** hdfs with an authority, or file without; an absolute path; nothing else in it. */
    static boolean isAccepted(String text) {
        final URI uri = parse(text);
        if (uri == null || uri.getPath() == null || !uri.getPath().startsWith("/")) {
            return false;
        }
        if (uri.getQuery() != null || uri.getFragment() != null || uri.getUserInfo() != null) {
            return false;
        }
        return "hdfs".equals(uri.getScheme())
                ? uri.getAuthority() != null
                : "file".equals(uri.getScheme()) && uri.getAuthority() == null;
    }

    /** Flink's own condition for a checkpoint directory. */
    static boolean hasScheme(String text) {
        final URI uri = parse(text);
        return uri != null && uri.getScheme() != null && uri.getPath() != null;
    }

    /** A primary root and a secondary one, with = between. */
    static boolean isPair(String text) {
        final int equals = text.indexOf('=');
        return equals > 0
                && hasScheme(text.substring(0, equals).trim())
                && isAccepted(text.substring(equals + 1).trim());
    }

    /** The name of a whole file system: of its paths, whatever comes before them. */
    static boolean isAlias(String text) {
        return text.matches("/|[A-Za-z0-9+.-]+://[^/\\s]*/?");
    }

    static boolean isLocal(String text) {
        return text.startsWith("/");
    }

    /** Whether one is the other, or lies inside it. */
    static boolean overlap(String one, String other) {
        final URI a = parse(one);
        final URI b = parse(other);
        if (a == null || b == null || !sameCluster(a, b)) {
            return false;
        }
        final String left = directory(a);
        final String right = directory(b);
        return left.startsWith(right) || right.startsWith(left);
    }

    /** Whether two roots are on one cluster, as far as their names tell. */
    static boolean sameCluster(String one, String other) {
        final URI a = parse(one);
        final URI b = parse(other);
        return a != null && b != null && sameCluster(a, b);
    }

    private static boolean sameCluster(URI a, URI b) {
        return a.getScheme() != null
                && a.getScheme().equalsIgnoreCase(b.getScheme())
                && Objects.equals(authority(a), authority(b));
    }

    /** In lower case, and without the port that a NameNode has by default. */
    private static String authority(URI uri) {
        final String authority = uri.getAuthority();
        return authority == null ? null : authority.toLowerCase().replaceFirst(":8020$", "");
    }

    private static String directory(URI uri) {
        return (uri.normalize().getPath() + "/").replaceAll("/+", "/");
    }

    private static URI parse(String text) {
        try {
            return new URI(text);
        } catch (URISyntaxException e) {
            return null;
        }
    }
}
