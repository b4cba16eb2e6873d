/**
 * The classes that Flink must see: they wrap Flink's own checkpoint storage and hand a copy of what
 * it writes to the native library, which carries it to the secondary.
 *
 * <p>What holds in every class here: the primary's call goes first and decides everything; Flink's
 * own handles, locations and exceptions pass unchanged; nothing of ours throws into Flink or waits
 * on its threads.
 */
package io.dualwrite.flink;
