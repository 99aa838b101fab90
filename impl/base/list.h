/* Intrusive doubly linked lists. A node that is in no list points to itself, so that removing it again does nothing. */
#ifndef ICN_BASE_LIST_H
#define ICN_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct icn_list_node {
    struct icn_list_node *next;
    struct icn_list_node *previous;
} icn_list_node;

typedef icn_list_node icn_list; /* the head */

/* The object that holds `node` as its field `field`. */
#define ICN_CONTAINER(node, type, field) ((type *)(void *)((char *)(node)-offsetof(type, field)))

static inline void icn_list_init(icn_list_node *node)
{
    node->next = node;
    node->previous = node;
}

static inline bool icn_list_is_empty(const icn_list *list)
{
    return list->next == list;
}

static inline bool icn_list_holds(const icn_list_node *node)
{
    return node->next != node;
}

static inline void icn_list_append(icn_list *list, icn_list_node *node)
{
    node->next = list;
    node->previous = list->previous;
    list->previous->next = node;
    list->previous = node;
}

static inline void icn_list_remove(icn_list_node *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    icn_list_init(node);
}

/* NULL when the list is empty. */
static inline icn_list_node *icn_list_take_first(icn_list *list)
{
    icn_list_node *first = list->next;
    if (first == list) {
        return NULL;
    }
    icn_list_remove(first);
    return first;
}

/* Moves all nodes to the end of another list. */
static inline void icn_list_splice(icn_list *target, icn_list *source)
{
    if (icn_list_is_empty(source)) {
        return;
    }
    source->next->previous = target->previous;
    target->previous->next = source->next;
    source->previous->next = target;
    target->previous = source->previous;
    icn_list_init(source);
}

#endif
