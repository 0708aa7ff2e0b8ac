-- The newest reason in an inbox is asked for by every page of it and every mail.
CREATE INDEX inbox_item_newest ON inbox_items (account_id, number);
