/* What is known of each type; what nobody taught is found out here. */

#include "walker.h"

/* In a forked child, which cannot ask Python what a new type means: its __sizeof__, if it is made in
   C, and the bytes in front of its objects. */
void
teach_itself(const Walker *walker, Kind *kind)
{
    PyTypeObject *type = kind->type;
    PyObject *name = PyUnicode_FromString("__sizeof__");
    PyObject *found = name ? _PyType_Lookup(type, name) : NULL;
    if (found && (Py_IS_TYPE(found, &PyMethodDescr_Type) || Py_IS_TYPE(found, &PyWrapperDescr_Type))) {
        kind->asked = found;
    }
    kind->header = PyType_IS_GC(type) ? 16 : 0;
#if PY_VERSION_HEX >= 0x030C0000
    kind->header += type->tp_flags & (3UL << 3) ? 16 : 0;
#elif PY_VERSION_HEX >= 0x030B0000
    kind->header += type->tp_flags & (1UL << 4) ? 16 : 0;
#endif
    if (walker->keys_at && (type->tp_flags & (walker->is_inline ? 1UL << 2 : 1UL << 4))) {
        kind->flags |= HIDDEN_VALUES;
    }
    PyErr_Clear();
}

Kind *
add_kind(Walker *walker, PyTypeObject *type)
{
    Kind kind;
    memset(&kind, 0, sizeof(kind));
    kind.type = type;
    if (walker->kinds.count * 2 >= walker->places_mask) {
        size_t room = walker->places ? (walker->places_mask + 1) * 2 : 64;
        uint32_t *places = area_new(room * sizeof(uint32_t));
        if (places == NULL) {
            return NULL;
        }
        for (size_t i = 0; i < walker->kinds.count; i++) {
            size_t at = hash_of(AT(walker->kinds, Kind)[i].type) & (room - 1);
            while (places[at]) {
                at = (at + 1) & (room - 1);
            }
            places[at] = (uint32_t)i + 1;
        }
        area_free(walker->places, (walker->places_mask + 1) * sizeof(uint32_t));
        walker->places = places;
        walker->places_mask = room - 1;
    }
    if (!PUSH(&walker->kinds, Kind, kind)) {
        return NULL;
    }
    size_t at = hash_of(type) & walker->places_mask;
    while (walker->places[at]) {
        at = (at + 1) & walker->places_mask;
    }
    walker->places[at] = (uint32_t)walker->kinds.count;
    if (!walker->is_child) {
        Py_INCREF(type);
    }
    else {
        teach_itself(walker, &AT(walker->kinds, Kind)[walker->kinds.count - 1]);
    }
    return &AT(walker->kinds, Kind)[walker->kinds.count - 1];
}

/* What a walk over everything does with a type that nothing was said about. */
void
use_nature(const Walker *walker, Kind *kind)
{
    PyTypeObject *type = kind->type;
    if (PyType_FastSubclass(type, Py_TPFLAGS_DICT_SUBCLASS)) {
        kind->follow = KEYS;
    }
    else if (PyType_IsSubtype(type, &PyModule_Type)) {
        kind->follow = MODULE;
    }
    else if (type == &PyFrame_Type) {
        kind->follow = FRAME;
    }
    else if (walker->is_inline && (type->tp_flags & (1UL << 2)) && (type->tp_flags & (1UL << 4))) {
        kind->follow = WITH_NAMESPACE;
        kind->flags |= MANAGED_NAMESPACE;
    }
    else {
        kind->follow = type->tp_traverse ? PLAIN : NOTHING;
    }
}
