/**
 * Types of what `require` gives: the function itself, which also holds everything that the module exports.
 */
import all = require('../dist/cjs/index.js');

declare const ProgressDB: all.ProgressDBFactory & typeof all;

declare namespace ProgressDB {
  type AdminStats = all.AdminStats;
  type ApiError = all.ApiError;
  type ApiErrorDetails = all.ApiErrorDetails;
  type BackendClient<T extends all.Timestamps = 'number'> = all.BackendClient<T>;
  type CommonOptions<T extends all.Timestamps = all.Timestamps> = all.CommonOptions<T>;
  type FrontendClient<T extends all.Timestamps = 'number'> = all.FrontendClient<T>;
  type GetUserSignature = all.GetUserSignature;
  type Json = all.Json;
  type Message<T extends all.Timestamps = 'number'> = all.Message<T>;
  type MessageInput = all.MessageInput;
  type MessagePage<T extends all.Timestamps = 'number'> = all.MessagePage<T>;
  type MessageQuery = all.MessageQuery;
  type MessageReactions = all.MessageReactions;
  type MessageVersions<T extends all.Timestamps = 'number'> = all.MessageVersions<T>;
  type ProgressDBClient<T extends all.Timestamps = 'number'> = all.ProgressDBClient<T>;
  type ProgressDBFactory = all.ProgressDBFactory;
  type ProgressDBOptions<T extends all.Timestamps = all.Timestamps> = all.ProgressDBOptions<T>;
  type ReactionInput = all.ReactionInput;
  type SDKOptions<T extends all.Timestamps = all.Timestamps> = all.SDKOptions<T>;
  type SearchPage<T extends all.Timestamps = 'number'> = all.SearchPage<T>;
  type SearchQuery = all.SearchQuery;
  type Signer = all.Signer;
  type Thread<T extends all.Timestamps = 'number'> = all.Thread<T>;
  type ThreadEvent<T extends all.Timestamps = 'number'> = all.ThreadEvent<T>;
  type ThreadEvents<T extends all.Timestamps = 'number'> = all.ThreadEvents<T>;
  type ThreadInput = all.ThreadInput;
  type ThreadQuery = all.ThreadQuery;
  type Timestamp<T extends all.Timestamps = 'number'> = all.Timestamp<T>;
  type Timestamps = all.Timestamps;
  type UserSignature = all.UserSignature;
}

export = ProgressDB;
