/* A snapshot from a forked child, which writes it to a pipe. */

#include "graph.h"
#include "walking.h"

#if CAN_FORK

static int
write_all(int descriptor, const void *data, size_t bytes)
{
    const char *from = data;
    while (bytes > 0) {
        ssize_t done = write(descriptor, from, bytes > (1 << 20) ? (1 << 20) : bytes);
        if (done < 0) {
            if (errno == EINTR) {
                continue;
            }
            return 0;
        }
        from += done;
        bytes -= (size_t)done;
    }
    return 1;
}

static int
write_row(int descriptor, const Row *row)
{
    uint64_t bytes = row->count * row->item_bytes;
    return write_all(descriptor, &bytes, sizeof(bytes)) && write_all(descriptor, row->data, bytes);
}

/* Names of the types that the parent did not know, one after the other, each ended by a zero. */
static int
write_names(int descriptor, Walker *walker, size_t known)
{
    Row names = LARGE_ROW_OF(char);
    for (size_t i = known; i < walker->kinds.count; i++) {
        for (const char *letter = AT(walker->kinds, Kind)[i].type->tp_name;; letter++) {
            if (!PUSH(&names, char, *letter)) {
                return 0;
            }
            if (*letter == 0) {
                break;
            }
        }
    }
    return write_row(descriptor, &names);
}

const char fork_graph_doc[] = PyDoc_STR(
    "fork_graph(tops, own, frames, familiar, timeout_s, most, descriptor) -> pid\n\n"
    "Walk in a forked child, which writes to the descriptor: whether it was stopped in 8 bytes, "
    "then kinds, sizes, ids, starts, targets, nodes of the tops and of what is familiar, and the "
    "names of further types, each after its length in 8 bytes.");

PyObject *
walker_fork_graph(Walker *walker, PyObject *args)
{
    Graph graph;
    Request request;
    int descriptor = -1;
    if (!parse_request(walker, args, &request, &graph, &descriptor)) {
        return NULL;
    }
    size_t known = walker->kinds.count;
    /* Not os.fork(), which would run hooks of the program in the child. Of this process nothing
       but this thread goes on there, without waiting for any lock, until it ends by _exit(). */
    pid_t child = fork();
    if (child == 0) {
        uint64_t stopped;
        walker->is_child = 1;
        take_graph(&graph, &request, NULL);
        stopped = (uint64_t)walker->stopped;
        int ok = !walker->failed && write_all(descriptor, &stopped, sizeof(stopped)) &&
                 write_row(descriptor, &graph.kinds) && write_row(descriptor, &graph.sizes) &&
                 write_row(descriptor, &graph.objects) && write_row(descriptor, &graph.starts) &&
                 write_row(descriptor, &graph.targets) &&
                 write_row(descriptor, &request.top_nodes) &&
                 write_row(descriptor, &request.familiar_nodes) &&
                 write_names(descriptor, walker, known);
        _exit(ok ? 0 : walker->failed ? 2 : 1);
    }
    graph_free(&graph);
    if (child < 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return PyLong_FromLong(child);
}

#endif
